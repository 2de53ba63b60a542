#include <cmath>
#include <vector>

#include "als_rows.hpp"
#include "als_unobserved.hpp"
#include "eckart/linalg/batched_cholesky.hpp"
#include "eckart/linalg/cholesky.hpp"
#include "eckart/linalg/dense_cholesky.hpp"

namespace eckart {
namespace {

using namespace als;

constexpr Offset kBatchedBlock = 128;  // up to this, 16 systems and their factor stay in cache

// Coordinates [begin, begin + size) of the factors.
struct Block {
  Offset begin, size;
};

// A row while its blocks are solved.
template <class T>
struct Lane {
  Lane(Offset rank, Offset block) : x(rank + 1), step(block + 1), product(rank + 1) {}

  Offset row = -1;           // -1: the lane is idle
  std::vector<T> x;          // (rank + 1): factors, then the intercept
  std::vector<T> step;       // (block + 1) of the last block, not yet in the residuals
  std::vector<T> product;    // (rank + 1) scratch
  std::vector<T> residuals;  // (ratings of the row) t_j - <x_j, x>
};

// As many rows as the solver has lanes, through all blocks together.
template <class T, class Solver>
class BlockBatch {
 public:
  static constexpr Offset size = Solver::lanes;

  BlockBatch(const AlsHalf<T>& half, const Unobserved<T>& unobserved, const AlsSide<T>& side, Offset block)
      : half_(half),
        unobserved_(unobserved),
        side_(side),
        rank_(side.factors.cols),
        gram_(block),
        last_gram_(last_of(block).size),
        solver_(block, false),
        last_solver_(last_of(block).size, biased()) {
    for (Offset l = 0; l < size; ++l) {
      lanes_.emplace_back(rank_, block);
      systems_.emplace_back(block);
      last_systems_.emplace_back(last_of(block).size);
    }
  }

  // Rows subset[begin] ... subset[begin + n - 1]; returns their part of the objective.
  double solve(RowSubset subset, Offset begin, Offset n, bool with_error) {
    for (Offset l = 0; l < size; ++l) start(lanes_[l], l < n ? row_of(subset, begin + l) : -1);
    const Offset block = systems_[0].rank(), last = last_of(block).begin;
    for (Offset b = 0; b < last; b += block) {
      step({b, block}, {b - block, b > 0 ? block : 0}, false, gram_, systems_, solver_);
    }
    step(last_of(block), {last - block, last > 0 ? block : 0}, biased(), last_gram_, last_systems_,
         last_solver_);
    double error = 0;
    for (Offset l = 0; l < n; ++l) {
      Lane<T>& lane = lanes_[l];
      if (lane.row < 0) continue;
      store(side_, lane.row, lane.x.data());
      if (with_error) error += objective(lane, last_of(block));
    }
    return error;
  }

 private:
  using Systems = std::vector<NormalSystem<T>>;

  bool biased() const { return side_.bias != nullptr; }

  // The last block is what a whole number of blocks leaves, or a whole one.
  Block last_of(Offset block) const {
    const Offset begin = (rank_ - 1) / block * block;
    return {begin, rank_ - begin};
  }

  void start(Lane<T>& lane, Offset row) {
    lane.row = row;
    if (row >= 0 && !is_solved(half_, row)) {
      store_zero(side_, row);
      lane.row = -1;
    }
    if (lane.row < 0) return;
    std::copy_n(side_.factors.row(row), rank_, lane.x.data());
    lane.x[rank_] = biased() ? side_.bias[row] : T(0);
    lane.residuals.resize(half_.ratings.row_size(row));
  }

  // Solves `block` in all lanes; `before` is the block whose steps the residuals are still to be told.
  void step(Block block, Block before, bool intercept, GramAccumulator<T>& gram, Systems& systems,
            Solver& solver) {
    const NormalSystem<T>* wanted[size];
    T ridge[size];
    for (Offset l = 0; l < size; ++l) {
      Lane<T>& lane = lanes_[l];
      wanted[l] = &systems[l];
      systems[l].clear();  // an idle lane solves I x = 0
      ridge[l] = lane.row >= 0 ? half_.reg[lane.row] : T(1);
      if (lane.row < 0) continue;
      form_observed(lane, block, before, gram, systems[l]);
      add_unobserved(lane, block, intercept, systems[l]);
    }
    const unsigned singular = solver.solve(wanted, ridge);
    for (Offset l = 0; l < size; ++l) {
      Lane<T>& lane = lanes_[l];
      if (lane.row < 0) continue;
      lane.step.back() = T(0);
      if (singular >> l & 1) {
        solve_alone(lane, block, intercept, systems[l]);
      } else {
        for (Offset f = 0; f < block.size; ++f) lane.step[f] = solver.solution(l, f);
        if (intercept) lane.step.back() = solver.solution(l, block.size);
      }
      for (Offset f = 0; f < block.size; ++f) lane.x[block.begin + f] += lane.step[f];
      lane.x[rank_] += lane.step.back();
    }
  }

  void solve_alone(Lane<T>& lane, Block block, bool intercept, const NormalSystem<T>& system) {
    RowMatrix<T> a;
    Vector<T> step;
    to_dense(system, intercept, half_.reg[lane.row], a, step);
    solve_spd(a, step);
    std::copy_n(step.data(), block.size, lane.step.data());
    if (intercept) lane.step.back() = step[block.size];
  }

  // sum_j w_j x_j x_j' and sum_j w_j e_j x_j over the ratings of a row, in the block. In the same pass the
  // residuals e_j come up to date: taken from the start before the first block, else from the last step.
  void form_observed(Lane<T>& lane, Block block, Block before, GramAccumulator<T>& gram,
                     NormalSystem<T>& system) {
    const CsrRow<T> row = half_.ratings.row(lane.row);
    const T* weights = weights_of(half_, row);
    const Block read = before.size == 0 ? Block{0, rank_} : Block{before.begin, before.size + block.size};
    if (row.size == 0) return;  // the system is clear
    gram.start(system);
    for (Offset j = 0; j < row.size; ++j) {
      if (j + kAhead < row.size) prefetch(half_.fixed.row(row.indices[j + kAhead]) + read.begin, read.size);
      const T* x = half_.fixed.row(row.indices[j]);
      T& e = lane.residuals[j];
      if (before.size == 0) {
        e = target(half_, row, j) - dot<T>(x, lane.x.data(), rank_) - lane.x[rank_];
      } else {
        e -= dot<T>(x + before.begin, lane.step.data(), before.size);
      }
      if (weights) {
        const T root = std::sqrt(weights[j]);
        scale_row(x + block.begin, block.size, root, gram.next_row(root * e, root));
      } else {
        copy_row(x + block.begin, block.size, gram.next_row(e));
      }
      if (gram.full() || j + 1 == row.size) gram.flush();
    }
  }

  // Adds S of the block, and to the right-hand side c - S x - ridge x.
  void add_unobserved(Lane<T>& lane, Block block, bool intercept, NormalSystem<T>& system) {
    const T ridge = half_.reg[lane.row];
    for (Offset f = 0; f < block.size; ++f) system.rhs()[f] -= ridge * lane.x[block.begin + f];
    system.target_sum -= ridge * lane.x[rank_];
    if (!unobserved_) return;
    unobserved_.add_block(block.begin, block.size, lane.x.data(), system);
    if (intercept) unobserved_.add_intercept(lane.x.data(), system);
  }

  double objective(Lane<T>& lane, Block last) {
    const CsrRow<T> row = half_.ratings.row(lane.row);
    const T* weights = weights_of(half_, row);
    double total = 0;
    gather(half_, row, 0, row.size, [&](Offset j, const T* x) {
      const T e = lane.residuals[j] - dot<T>(x + last.begin, lane.step.data(), last.size) - lane.step.back();
      total += (weights ? double(weights[j]) : 1.0) * e * e;
    });
    return total + unobserved_.value(lane.x.data(), lane.x[rank_], lane.product.data());
  }

  const AlsHalf<T>& half_;
  const Unobserved<T>& unobserved_;
  AlsSide<T> side_;
  Offset rank_;
  GramAccumulator<T> gram_, last_gram_;
  Solver solver_, last_solver_;
  std::vector<Lane<T>> lanes_;
  Systems systems_, last_systems_;
};

template <class T, class Solver>
double solve_blocks(const AlsHalf<T>& half, RowSubset subset, Offset block, AlsSide<T> side, bool with_error,
                    const Execution& run) {
  using Batch = BlockBatch<T, Solver>;
  const Unobserved<T> unobserved(half, run);
  const double rank = side.factors.cols;
  const double work = (half.ratings.n_stored() + 0.3 * block * half.ratings.n_rows) * rank * (block + 4);
  return for_chunks(
      half, subset, work, run, [&] { return Batch(half, unobserved, side, block); },
      [&](Batch& batch, Offset begin, Offset end) {
        double error = 0;
        for (Offset i = begin; i < end; i += Batch::size) {
          error += batch.solve(subset, i, std::min(Batch::size, end - i), with_error);
        }
        return error;
      });
}

}  // namespace

template <class T>
double als_solve_subspace(const AlsHalf<T>& half, RowSubset subset, Offset block, AlsSide<T> side,
                          bool with_error, const Execution& run) {
  block = std::min(block, side.factors.cols);
  return block <= kBatchedBlock
             ? solve_blocks<T, BatchedCholesky<T>>(half, subset, block, side, with_error, run)
             : solve_blocks<T, DenseCholesky<T>>(half, subset, block, side, with_error, run);
}

template double als_solve_subspace(const AlsHalf<float>&, RowSubset, Offset, AlsSide<float>, bool,
                                   const Execution&);
template double als_solve_subspace(const AlsHalf<double>&, RowSubset, Offset, AlsSide<double>, bool,
                                   const Execution&);

}  // namespace eckart
