"""A TCP relay that writes down what is sent through it: the raw export, before any backend has touched it."""

import socket
import threading
from dataclasses import dataclass, field

CHUNK = 65536


@dataclass
class Connection:
    """What one connection brought, as it came off the wire."""

    sent: bytearray = field(default_factory=bytearray)


class Relay:
    """Listens on a free port of the loopback and passes every connection on to `target`."""

    def __init__(self, target: int):
        self.target = target
        self.connections: list[Connection] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def recorded(self) -> list[bytes]:
        """What was sent so far, a piece for each connection."""
        with self._lock:
            return [bytes(connection.sent) for connection in self.connections]

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                incoming, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(incoming,), daemon=True).start()

    def _serve(self, incoming: socket.socket) -> None:
        try:
            outgoing = socket.create_connection(("127.0.0.1", self.target), timeout=10)
        except OSError:
            incoming.close()
            return
        outgoing.settimeout(None)
        connection = Connection()
        with self._lock:
            self.connections.append(connection)
        back = threading.Thread(target=self._pass, args=(outgoing, incoming, None), daemon=True)
        back.start()
        self._pass(incoming, outgoing, connection)
        back.join()
        incoming.close()
        outgoing.close()

    def _pass(self, source: socket.socket, sink: socket.socket, record: Connection | None) -> None:
        try:
            while piece := source.recv(CHUNK):
                if record is not None:
                    with self._lock:
                        record.sent += piece
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            # One side went away: let the other know.
            for end in (source, sink):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
