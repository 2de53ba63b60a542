"""``python -m eckart.cli``, for where the script is not on the path."""

from eckart.cli import main

if __name__ == "__main__":
    main()
