"""What holds for all tests."""

import signal

# A job that a shell starts in the background ignores Ctrl-C, and so do its children. The tests of
# interruption need it as a user at a terminal has it.
signal.signal(signal.SIGINT, signal.default_int_handler)
