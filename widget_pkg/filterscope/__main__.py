"""`python -m filterscope` is the command `filterscope`."""

import sys

from filterscope.cli.main import main

sys.exit(main())
