"""Prints entitlectl(1) from what the program says of itself: entitlectl_man.py PROGRAM."""
import re
import subprocess
import sys

HEAD = r""".\" Generated from what `entitlectl --help` says.
.Dd November 27, 2026
.Dt ENTITLECTL 1
.Os
.Sh NAME
.Nm entitlectl
.Nd the tool of entitled's operators and support
.Sh SYNOPSIS
.Nm
.Op Ar option ...
.Ar verb
.Op Ar argument ...
.Sh DESCRIPTION
.Nm
asks the store and the checkers over their sockets, and has no rights beyond those of the sockets that its user
may use;
.Cm doctor
also asks AWS, with the credentials of the settings and of its user.
A
.Ar HANDLE
is your tenant id, a licence ARN or its l-..., an AWS account id, a customer identifier, or a subscription id.
.Sh OPTIONS
"""

FOOT = r""".Sh EXIT STATUS
0: allowed or done; 1: refused or not found; 2: failed.
.Sh SEE ALSO
.Xr entitled.conf 5 ,
.Xr entitled 7
"""

OPTION = re.compile(r"^  --(\S+)(?: (\S+))? {2,}(.+)$|^  --(\S+)(?: (\S+))? (.+)$")


def said(program, *arguments):
    return subprocess.run([program, *arguments, "--help"], check=True, capture_output=True, text=True).stdout


def plain(text):
    """A line in which nothing is a macro or an escape."""
    text = text.replace("\\", r"\e")
    return "\\&" + text if text.startswith((".", "'")) else text


def options(lines):
    """The list of (name, value, meaning) that stands in the lines."""
    found = [OPTION.match(line) for line in lines]
    return [match.groups()[:3] if match[1] else match.groups()[3:] for match in found if match]


def option_list(some):
    if not some:
        return
    print(".Bl -tag -width Ds")
    for name, value, meaning in some:
        print(f".It Fl -{name}" + (f" Ar {value}" if value else ""))
        print(plain(meaning))
    print(".El")


def details_of(text):
    """What stands between the summary and the options."""
    paragraphs = text.strip("\n").split("\n\n")[2:]
    return [paragraph for paragraph in paragraphs if not OPTION.match(paragraph.split("\n")[0])]


def verb_section(program, verb, shared):
    text = said(program, verb)
    usage, summary = text.split("\n\n")[:2]
    print(f".It Nm entitlectl Cm {plain(usage.split('[OPTION...] ')[1])}")
    print(plain(summary))
    for paragraph in details_of(text):
        print(".Bd -literal")
        print("\n".join(plain(line) for line in paragraph.split("\n")))
        print(".Ed")
    option_list([option for option in options(text.split("\n")) if option not in shared])


def main(program):
    text = said(program)
    shared = options(text.split("\n"))
    print(HEAD, end="")
    option_list(shared)
    print(".Sh VERBS\n.Bl -tag -width Ds")
    for verb in re.findall(r"^  ([a-z][a-z-]*) ", text, re.M):
        verb_section(program, verb, shared)
    print(".El")
    print(FOOT, end="")


main(sys.argv[1])
