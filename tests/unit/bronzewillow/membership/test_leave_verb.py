from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_help_is_that_of_the_program_itself() -> None:
    program = Path(sys.executable).with_name("bronzewillow")
    shown = subprocess.run([program, "leave", "--help"], capture_output=True, text=True, check=True).stdout
    assert shown.startswith("Usage: llm-kubelet leave ")
