"""`python -m reelwright.cli`, where the `reelwright` program is not on PATH."""

import sys

from reelwright.cli.app import main

sys.exit(main())
