"""Turns ninja's output into one line that counts; what is not progress is passed on."""
import re
import sys

last = ""
for line in sys.stdin:
    match = re.match(r"\[([1-9]\d*/\d+)\]", line)
    if match and sys.stdout.isatty():
        print(f"\r   {match.group(1)} ", end="", flush=True)
        last = match.group(1)
    elif match:
        last = match.group(1)
    elif " error: " in line or line.startswith("FAILED"):
        print(line, end="")
print(f"\r   built ({last})" if last else "   built: nothing to do")
