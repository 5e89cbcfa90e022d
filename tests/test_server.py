"""What the server does beside its pages."""

import subprocess
import sys

from medgru.settings import PROJECT_ROOT


def test_what_was_imported_is_never_searched_for_garbage_again():
    program = (
        "import gc; from medgru.ui import server; server.warm_up(); print(gc.get_freeze_count(), len(gc.get_objects()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=PROJECT_ROOT)
    frozen, searched = map(int, done.stdout.split())
    assert frozen > 20 * searched
