"""``python -m fkd_core`` is the command `fkd`."""

from fkd_core.cli import main

if __name__ == "__main__":
    main()
