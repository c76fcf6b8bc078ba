"""An ordinary AMQP client made with Proton's Python binding, for test/interop: does one thing that its only argument, JSON, asks for,
and tells what happens as lines of JSON on its standard output.

{"do": "send", "url", "address", "count", "size", "settled", "drain"}   sends messages numbered from 0, each of `size` octets
{"do": "receive", "url", "address", "count", "credit", "outcome"}       takes messages, and gives each the outcome
{"do": "reply", "url", "address", "count"}                              answers requests by an anonymous sender
{"do": "request", "url", "address", "count"}                            asks with a dynamic reply address
{"do": "abort", "url", "address", "size"}                               breaks off a message in the middle, then sends one whole
{"do": "drain", "url", "address", "credit"}                             has a receiver drained
{"do": "transact", "url"}                                               wants a transaction coordinator
"""
import json
import sys

from proton import Delivery, Message, Terminus
from proton.handlers import MessagingHandler
from proton.reactor import AtMostOnce, Container, DynamicNodeProperties, LinkOption  # noqa: F401

OUTCOMES = {Delivery.ACCEPTED: "accepted", Delivery.REJECTED: "rejected", Delivery.RELEASED: "released", Delivery.MODIFIED: "modified"}


def tell(**what):
    print(json.dumps(what), flush=True)


class Client(MessagingHandler):
    """Ends with its connection; an error on the way is told and ends it too."""

    def __init__(self, job, **options):
        super().__init__(**options)
        self.job = job
        self.count = job.get("count", 1)

    def on_start(self, event):
        self.connection = event.container.connect(self.job["url"], reconnect=False, allowed_mechs="ANONYMOUS")
        self.open(event.container)

    def on_transport_error(self, event):
        tell(error=str(event.transport.condition))
        event.connection.close()

    def on_link_error(self, event):
        tell(error=str(event.link.remote_condition))
        self.connection.close()


class Send(Client):
    def __init__(self, job):
        super().__init__(job)
        self.sent = 0
        self.settled = 0
        self.outcomes = {}

    def open(self, container):
        option = AtMostOnce() if self.job.get("settled") else None
        self.sender = container.create_sender(self.connection, self.job["address"], options=option)
        self.filling = b"x" * self.job.get("size", 0)

    def on_sendable(self, event):
        while self.sender.credit and self.sent < self.count:
            self.sender.send(Message(id=self.sent, body=self.filling, properties={"n": self.sent}, annotations={"x-n": self.sent}))
            self.sent += 1
        if self.job.get("settled") and self.sent == self.count:
            self.count = -1
            # What is sent goes before the detach.
            self.sender.close()

    def on_settled(self, event):
        name = OUTCOMES.get(event.delivery.remote_state, "none")
        self.outcomes[name] = self.outcomes.get(name, 0) + 1
        self.settled += 1
        if self.settled == self.count:
            tell(sent=self.sent, outcomes=self.outcomes)
            self.connection.close()

    def on_link_closed(self, event):
        if self.job.get("settled"):
            tell(sent=self.sent, outcomes=self.outcomes)
            self.connection.close()


class Abort(Client):
    def open(self, container):
        self.sender = container.create_sender(self.connection, self.job["address"])
        self.begun = None

    def on_sendable(self, event):
        if self.begun is None:
            self.begun = self.sender.delivery("half")
            whole = Message(id=0, body=b"x" * self.job["size"], properties={"n": 0}, annotations={"x-n": 0}).encode()
            self.sender.stream(whole[: len(whole) // 2])
            event.reactor.schedule(0.5, self)

    def on_timer_task(self, event):
        self.begun.abort()
        self.sender.send(Message(id=1, body=b"whole", properties={"n": 1}, annotations={"x-n": 1}))

    def on_accepted(self, event):
        tell(accepted=True)
        self.connection.close()


class Receive(Client):
    def __init__(self, job):
        super().__init__(job, prefetch=0, auto_accept=False)
        self.received = 0
        self.last = -1
        self.reordered = 0
        self.octets = 0

    def open(self, container):
        self.receiver = container.create_receiver(self.connection, self.job["address"])
        self.receiver.flow(self.job.get("credit", 100))

    def on_link_opened(self, event):
        tell(open=True)

    def on_message(self, event):
        number = event.message.properties["n"]
        if number != event.message.annotations["x-n"] or event.message.id != number:
            tell(error="the parts of message %d do not agree" % number)
        if number <= self.last:
            self.reordered += 1
        self.last = number
        self.received += 1
        self.octets += len(event.message.body)
        self.decide(event.delivery)
        if self.receiver.credit < self.job.get("credit", 100) // 2:
            self.receiver.flow(self.job.get("credit", 100) - self.receiver.credit)
        if self.received == self.count:
            tell(received=self.received, reordered=self.reordered, octets=self.octets)
            self.receiver.close()
            self.connection.close()

    def decide(self, delivery):
        outcome = self.job.get("outcome", "accepted")
        if outcome == "rejected":
            delivery.local.condition = None
            delivery.update(Delivery.REJECTED)
        elif outcome == "released":
            delivery.update(Delivery.RELEASED)
        elif outcome == "modified":
            delivery.local.failed = True
            delivery.update(Delivery.MODIFIED)
        else:
            delivery.update(Delivery.ACCEPTED)
        delivery.settle()


class Reply(Client):
    def open(self, container):
        self.receiver = container.create_receiver(self.connection, self.job["address"])
        self.sender = container.create_sender(self.connection, None)
        self.answered = 0

    def on_link_opened(self, event):
        if event.link == self.receiver:
            tell(open=True)

    def on_message(self, event):
        request = event.message
        self.sender.send(Message(address=request.reply_to, correlation_id=request.correlation_id, body=request.body.upper()))

    def on_accepted(self, event):
        self.answered += 1
        if self.answered == self.count:
            tell(answered=self.answered)
            self.connection.close()


class Request(Client):
    def open(self, container):
        self.sender = container.create_sender(self.connection, self.job["address"])
        self.receiver = container.create_receiver(self.connection, None, dynamic=True)
        self.answered = 0
        self.asked = 0

    def on_link_opened(self, event):
        self.ask()

    def on_sendable(self, event):
        self.ask()

    def ask(self):
        address = self.receiver.remote_source.address
        while address and self.sender.credit and self.asked < self.count:
            self.sender.send(Message(reply_to=address, correlation_id=str(self.asked), body="question %d" % self.asked))
            self.asked += 1

    def on_message(self, event):
        answer = event.message
        if answer.body != "QUESTION %s" % answer.correlation_id:
            tell(error="the answer to %s is %s" % (answer.correlation_id, answer.body))
        self.answered += 1
        if self.answered == self.count:
            tell(answered=self.answered)
            self.connection.close()


class Drain(Client):
    def __init__(self, job):
        super().__init__(job, prefetch=0)
        self.received = 0

    def open(self, container):
        self.receiver = container.create_receiver(self.connection, self.job["address"])

    def on_link_opened(self, event):
        tell(open=True)
        self.receiver.drain(self.job["credit"])

    def on_message(self, event):
        self.received += 1

    def on_link_flow(self, event):
        if event.link == self.receiver and not self.receiver.draining() and self.receiver.credit == 0:
            tell(drained=True, received=self.received)
            self.connection.close()


class Transact(Client):
    def open(self, container):
        self.sender = self.connection.session().sender("transactions")
        self.connection.open()
        self.sender.target.type = Terminus.COORDINATOR
        self.sender.session.open()
        self.sender.open()

    def on_link_opened(self, event):
        tell(target=event.link.remote_target.type)

    def on_sendable(self, event):
        tell(credit=event.sender.credit)
        self.connection.close()

    def on_link_error(self, event):
        tell(refused=event.link.remote_condition.name)
        self.connection.close()


CLIENTS = {"send": Send, "abort": Abort, "receive": Receive, "reply": Reply, "request": Request, "drain": Drain, "transact": Transact}

if __name__ == "__main__":
    wanted = json.loads(sys.argv[1])
    Container(CLIENTS[wanted["do"]](wanted)).run()
