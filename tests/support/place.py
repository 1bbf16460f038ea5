"""A place of a test's own: a directory, a settings file, sockets, logs and programs."""
import pathlib
import shutil
import tempfile

from .process import Process

ENDPOINTS = ("metering", "entitlement", "sqs", "sts")


def settings(*parts):
    """The text of a settings file. A part is {"section": {"name": value}} or a text; later parts add to
    earlier ones, and a text comes last."""
    sections = {}
    for part in parts:
        for name, values in ({} if isinstance(part, str) else part).items():
            sections.setdefault(name, {}).update(values)
    return "".join([f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())
                    for name, values in sections.items()]
                   + [part for part in parts if isinstance(part, str)])


def aws_at(url, access_key_id, secret_access_key, services=ENDPOINTS):
    """How AWS is called where something else stands for it."""
    return {"aws": {"region": "us-east-1", **{f"endpoint_{name}": url for name in services},
                    "access_key_id": access_key_id, "secret_access_key": secret_access_key}}


class Place:
    def __init__(self):
        # Not pytest's tmp_path: a socket's name must stay below 108 bytes.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="entitled-"))
        self.run = self.directory / "run"
        for name in ("public", "private"):
            (self.run / name).mkdir(parents=True)
        self.config = self.directory / "entitled.conf"

    def write_settings(self, *parts):
        self.config.write_text(settings({"entitled": {"run_directory": self.run}}, *parts))

    def program(self, name, program, *arguments, environment=None):
        """Not started yet."""
        return Process(name, [program, "--config", self.config, *arguments],
                       self.directory / f"{name}.log", environment)

    def socket(self, name):
        """Of the store's rpc and feed, or of a checker's query and feed: "checker-1.query"."""
        kind = "private" if name.startswith("store.") else "public"
        return f"ipc://{self.run}/{kind}/{name}"

    def remove(self):
        shutil.rmtree(self.directory)
