"""A line between two TUN interfaces that delays and loses packets, each direction for itself.

line.py NAME NAME MTU SEED: makes both interfaces, says "ready", and from then on takes commands, one a line: `delay MS` (one way),
`loss PERCENT`. Ends with its standard input; the interfaces go with it. Packets are kept in order. What does not fit is dropped.
"""
import collections
import fcntl
import os
import random
import select
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x0001 | 0x1000
QUEUE_OCTETS_MAX = 128 * 1024 * 1024
PACKETS_AT_ONCE = 256


def interface(name):
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN_NO_PI))
    return tun


def main():
    first, second, mtu, seed = sys.argv[1:]
    one, two = interface(first), interface(second)
    other = {one: two, two: one}
    # Towards each: what is on its way, and how many octets that is.
    queues = {one: collections.deque(), two: collections.deque()}
    octets = {one: 0, two: 0}
    chance = random.Random(int(seed))
    size = int(mtu) + 64
    delay, loss = 0.0, 0.0
    commands = sys.stdin.fileno()
    poll = select.epoll()
    for each in (one, two, commands):
        poll.register(each, select.EPOLLIN)
    print("ready", flush=True)
    text = b""
    while True:
        dues = [queue[0][0] for queue in queues.values() if queue]
        wait = -1 if not dues else max(0.0, min(dues) - time.monotonic())
        for ready, _ in poll.poll(wait):
            if ready == commands:
                more = os.read(commands, 4096)
                if not more:
                    return
                *lines, text = (text + more).split(b"\n")
                for line in lines:
                    what, value = line.split()
                    if what == b"delay":
                        delay = float(value) / 1000
                    else:
                        loss = float(value) / 100
                continue
            to = other[ready]
            queue = queues[to]
            for _ in range(PACKETS_AT_ONCE):
                try:
                    packet = os.read(ready, size)
                except BlockingIOError:
                    break
                if loss and chance.random() < loss or octets[to] > QUEUE_OCTETS_MAX:
                    continue
                due = time.monotonic() + delay
                if queue and queue[-1][0] > due:
                    due = queue[-1][0]
                queue.append((due, packet))
                octets[to] += len(packet)
        now = time.monotonic()
        for to, queue in queues.items():
            while queue and queue[0][0] <= now:
                _, packet = queue.popleft()
                octets[to] -= len(packet)
                try:
                    os.write(to, packet)
                except (BlockingIOError, OSError):
                    pass  # An interface that is down: the packet is lost.


main()
