# A few seconds of pure Python of several kinds, for the soak (test/soak/): prints what it computed.
import hashlib
import json
import re
import sys


class Body:
    __slots__ = ("x", "v", "m")

    def __init__(self, x, v, m):
        self.x, self.v, self.m = x, v, m


def bodies(steps):
    all_bodies = [Body([i * 1.5, i * i * 0.25, 1.0 - i], [0.1 * i, -0.05, 0.02 * i], 1.0 + i) for i in range(5)]
    for _ in range(steps):
        for i, a in enumerate(all_bodies):
            for b in all_bodies[i + 1 :]:
                d = [p - q for p, q in zip(a.x, b.x)]
                f = 0.001 / (sum(c * c for c in d) + 0.01) ** 1.5
                for k in range(3):
                    a.v[k] -= d[k] * b.m * f
                    b.v[k] += d[k] * a.m * f
        for a in all_bodies:
            a.x = [p + 0.01 * q for p, q in zip(a.x, a.v)]
    return sum(a.m * sum(c * c for c in a.v) / 2 for a in all_bodies).hex()


def primes(n):
    sieve = bytearray([1]) * n
    for i in range(2, int(n**0.5) + 1):
        if sieve[i]:
            sieve[i * i :: i] = bytes(len(range(i * i, n, i)))
    return sum(sieve) - 2


def words(n):
    state, counts = 7, {}
    for _ in range(n):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        word = "".join(chr(97 + (state >> shift) % 26) for shift in (3, 9, 15))
        counts[word] = counts.get(word, 0) + 1
    common = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:50]
    text = json.dumps(dict(common), sort_keys=True)
    return len(re.findall(r"[aeiou].[aeiou]", text)), hashlib.sha256(text.encode()).hexdigest()


def big(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return hashlib.md5(str(a * b % (10**400)).encode()).hexdigest()


def queens(n, row=0, columns=0, up=0, down=0):
    if row == n:
        return 1
    total, free = 0, ~(columns | up | down) & ((1 << n) - 1)
    while free:
        bit = free & -free
        free ^= bit
        total += queens(n, row + 1, columns | bit, (up | bit) << 1, (down | bit) >> 1)
    return total


def generated(n):
    spaces = {}
    for i in range(n):
        exec(f"def f{i}(x):\n return (x * {i + 3} + {i}) ^ (x >> {i % 7})", spaces)
    x = 1
    for i in range(n):
        x = spaces[f"f{i}"](x) & 0xFFFFFFFF
    return x


sys.set_int_max_str_digits(0)
print(bodies(150), primes(60000), words(4000), big(3000), queens(7), generated(150))
