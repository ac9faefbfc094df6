"""``python -m alref_local``: the command line."""

from alref_local.cli import main

if __name__ == "__main__":
    main()
