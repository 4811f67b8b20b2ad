"""`python -m reelwright`: the command line."""

import sys

from reelwright.cli.app import main

sys.exit(main())
