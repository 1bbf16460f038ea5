"""Says which port is busy before anything is built: ports.py ADDRESS NAME=PORT..."""
import socket
import sys


def main(address, *wanted):
    busy = False
    for item in wanted:
        name, port = item.split("=")
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, int(port)))
            except OSError as error:
                option = "registrar" if name.startswith("registration") else name
                print(f"quickstart: the {name} cannot listen on {address} port {port}: "
                      f"{error.strerror}; choose another with --{option}-port", file=sys.stderr)
                busy = True
    return 1 if busy else 0


sys.exit(main(*sys.argv[1:]))
