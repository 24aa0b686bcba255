"""`python -m web.openapi`: the generated document."""

import sys

from web.openapi import main

sys.exit(main(sys.argv[1:]))
