"""What ``eckart demo`` tells: tables and a sentence where a number needs one."""

from typing import Any

from eckart.cli._comparison import best_mean, print_comparison
from eckart.cli._console import console, megabytes, print_table
from eckart.cli._demo_lists import MIN_RATINGS


class Story:
    """Prints each step when it is done; nothing if `quiet`. Lists have length `k`."""

    def __init__(self, k: int, quiet: bool) -> None:
        self.k = k
        self.to = console(quiet=quiet)

    def data(self, data: Any, train: Any, test: Any) -> None:
        low, high = data.scale
        self.to.print("eckart: recommendations from real ratings\n", style="bold")
        self._say(
            f"MovieLens: {len(data):,} ratings ({low:g} to {high:g} stars) by {data.n_users:,} users of "
            f"{data.n_items:,} films. A random tenth is set aside as the test ({len(test):,} ratings); "
            f"everything is chosen and fitted on the other {len(train):,}."
        )

    def trials(self, trials: list[Any], by_error: Any, by_lists: Any) -> None:
        columns = ("penalty", "λ", "rank", "iterations", "RMSE", f"NDCG@{self.k}")
        rows = []
        for t in trials:
            marks = ["*" if t is best else " " for best in (by_error, by_lists)]
            rows.append(
                (
                    t.penalty,
                    f"{t.reg:g}",
                    t.rank,
                    t.n_iter,
                    f"{t.rmse:.4f}{marks[0]}",
                    f"{t.ndcg:.4f}{marks[1]}",
                )
            )
        self._table("Choosing ALS's settings on a tenth of the training ratings", columns, rows, columns[1:])
        self._say(
            "* chosen, one for the least error and one for the best lists, and fitted again to all training "
            "ratings. "
            "λ × count grows with the number of ratings of a user or film, plain λ does not."
        )

    def comparison(self, comparison: Any) -> None:
        print_comparison(comparison, "On the test ratings", to=self.to)
        self.to.print()
        reports = comparison.reports
        popular = reports["Popularity"].metrics["ndcg"].mean == best_mean(reports, "ndcg")
        if popular and _best_error(reports).startswith("ALS"):
            self._say(
                "ALS predicts ratings best, yet the most popular films make the best lists. That is no "
                "mistake: NDCG and recall ask which films a person went on to rate, and people mostly pick "
                "well-known ones, while ALS asks how much they would like a film, known or not. With "
                "λ × count a film with a single 5-star rating tops the lists; plain λ holds it back."
            )

    def recommended(self, answer: dict[str, Any]) -> None:
        rows = [
            (film["title"], f"{film['score']:.2f}", "\n".join(map(_reason, film["reasons"])))
            for film in answer["films"]
        ]
        title = f"For user {answer['user']}, who has rated {answer['n_ratings']} films (ALS, best lists)"
        self._table(title, ("film", "predicted", "because of"), rows, ("predicted",))
        self._say(
            "predicted: in stars, not cut at 5. because of: the two of the user's own ratings that add most, "
            "and how many stars they add; a base and the parts of all ratings add up to the prediction."
        )

    def similar(self, answer: list[dict[str, Any]]) -> None:
        columns = [column for entry in answer for column in (f"like {entry['title']}", "cosine")]
        lists = ([(film["title"], f"{film['cosine']:.2f}") for film in e["similar"]] for e in answer)
        rows = [[cell for film in films for cell in film] for films in zip(*lists, strict=False)]
        self._table(
            f"More like this, of the films with {MIN_RATINGS} ratings or more", columns, rows, ("cosine",)
        )

    def end(self, figures: list[str], saved: dict[str, Any], person: Any, seconds: float) -> None:
        if figures:
            self._say("Figures: " + ", ".join(figures))
        self._say(
            f"Model: {saved['file']} ({megabytes(saved['file_bytes'])}), loaded back: the same lists for all "
            f"{saved['users_compared']:,} users. Done in {seconds:.1f} s. Next:"
        )
        self.to.print(f"  eckart recommend {saved['file']} --user {person}", style="bold", markup=False)
        self.to.print("  eckart fit your-ratings.csv -o model.safetensors", style="bold", markup=False)

    def _table(self, title: str, columns: Any, rows: Any, numbers: Any) -> None:
        print_table(title, columns, rows, numbers=numbers, to=self.to)

    def _say(self, sentence: str) -> None:
        """Print a paragraph, wrapped to a readable width."""
        self.to.print(sentence + "\n", markup=False, width=min(self.to.width, 100))


def _best_error(reports: dict[str, Any]) -> str:
    return min(reports, key=lambda name: reports[name].metrics["rmse"].mean)


def _reason(reason: dict[str, Any]) -> str:
    return f"{reason['part']:+.2f}  {reason['title']} ({reason['rating']:g}★)"
