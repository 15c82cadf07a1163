"""The command line as ``python -m foretell``, where the program itself is not on the path."""

from foretell.cli import main

if __name__ == "__main__":
    main()
