"""Memory that comes back: in steady state, training allocates nothing."""

import threading

import numpy as np

from eckart._native import nn as native


def test_blocks_are_used_again():
    """The second array of a size lies where the first one lay, and the system is not asked."""
    native.release_memory()
    first = native.empty((100, 1000), np.float32)
    place = first.ctypes.data
    del first
    before = native.pool_statistics()
    again = native.empty((1000, 100), np.float32)
    after = native.pool_statistics()
    assert again.ctypes.data == place
    assert after["allocated"] == before["allocated"]
    assert after["requests"] == before["requests"] + 1
    assert after["in_use"] > before["in_use"]


def test_arrays_are_aligned_and_any_size_is_served():
    """Vectors are loaded whole; an empty array is an array."""
    for n in (0, 1, 63, 64, 65, 255, 257, 1000, 4097, 300_000, 3_000_001):
        array = native.empty((n,), np.uint8)
        assert array.shape == (n,)
        assert array.ctypes.data % 64 == 0
        array[...] = 7
    assert native.empty((2, 3), "float64").dtype == np.float64


def test_views_keep_a_block_alive():
    """A slice of a result outlives the result; its memory must not be handed out again."""
    view = native.empty((1000,), np.float64)[10:20]
    view[...] = 3
    others = [native.empty((1000,), np.float64) for _ in range(8)]
    for other in others:
        other[...] = 0
    assert (view == 3).all()


def test_a_released_pool_holds_nothing():
    """What waits can be given back to the system."""
    del_me = native.empty((1 << 20,), np.float32)
    del del_me
    assert native.pool_statistics()["cached"] > 0
    native.release_memory()
    assert native.pool_statistics()["cached"] == 0


def test_a_layer_allocates_nothing_the_second_time():
    """Output and scratch alike come from the pool."""
    x, w = np.ones((64, 3, 32, 32), np.float32), np.ones((16, 3, 3, 3), np.float32)
    sizes = (1, 1), (1, 1, 1, 1), (1, 1), 1, "none"

    def step():
        y = native.conv2d(x, w, None, *sizes, 1)
        native.conv2d_backward(x, w, y, None, *sizes, (True, True, True), None, None, 1)

    step()
    before = native.pool_statistics()["allocated"]
    step()
    assert native.pool_statistics()["allocated"] == before


def test_threads_share_the_pool():
    """Loaders and models may run in threads of their own."""

    def work():
        for n in range(1, 200):
            array = native.empty((n * 37,), np.float32)
            array[...] = n
            assert (array == n).all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    in_use = native.pool_statistics()["in_use"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert native.pool_statistics()["in_use"] == in_use
