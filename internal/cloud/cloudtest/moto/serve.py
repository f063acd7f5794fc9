"""Runs moto on a free loopback port and ends with whoever started it.

The parent holds our standard input open and never writes to it. When it goes
away, however it goes away, the read returns and so do we: no server is left
behind by a test that was killed.
"""

import os
import sys
import threading

from moto.server import main


def end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


threading.Thread(target=end_with_parent, daemon=True).start()
main(["-H", "127.0.0.1", "-p", "0"])
