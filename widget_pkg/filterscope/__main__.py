"""`python -m filterscope` is the command `filterscope`."""

import sys

from filterscope.cli import main

sys.exit(main())
