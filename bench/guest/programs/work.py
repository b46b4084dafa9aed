"""Pure Python work of the kinds that programs do: integers, lists, dictionaries, strings, classes, generators."""

import sys

amount = int(sys.argv[1])


def queens(n, row=0, columns=0, rising=0, falling=0):
    if row == n:
        return 1
    count = 0
    for column in range(n):
        taken = columns >> column & 1 or rising >> (row + column) & 1 or falling >> (row - column + n) & 1
        if not taken:
            count += queens(
                n, row + 1, columns | 1 << column, rising | 1 << (row + column), falling | 1 << (row - column + n)
            )
    return count


def numbers(seed):
    while True:
        seed = (seed * 1103515245 + 12345) % 2147483648
        yield seed >> 8


def words(count):
    source = numbers(count)
    histogram = {}
    for _ in range(count):
        value = next(source)
        word = "abcdefgh"[value % 8] + "aeiou"[value // 8 % 5] * (value // 40 % 4)
        histogram[word] = histogram.get(word, 0) + 1
    return ",".join(f"{word}={histogram[word]}" for word in sorted(histogram))


class Vector:
    def __init__(self, x, y, z):
        self.x, self.y, self.z = x, y, z

    def __add__(self, other):
        return Vector(self.x + other.x, self.y + other.y, self.z + other.z)

    def __mul__(self, factor):
        return Vector(self.x * factor, self.y * factor, self.z * factor)

    def dot(self, other):
        return self.x * other.x + self.y * other.y + self.z * other.z


def fall(steps):
    position, velocity = Vector(1.0, 0.0, 0.5), Vector(0.0, 0.7, 0.1)
    for _ in range(steps):
        pull = -1.0 / (position.dot(position) + 0.01)
        velocity = velocity + position * (pull * 0.001)
        position = position + velocity * 0.001
    return position.x.hex(), position.y.hex(), position.z.hex()


def sorting(count):
    source = numbers(count)
    values = [next(source) for _ in range(count)]
    values.sort(key=lambda value: (value % 1000, value))
    return sum(value * (i % 7) for i, value in enumerate(values) if value & 1)


for _ in range(amount):
    print(queens(7), words(20000)[:60], fall(5000), sorting(20000), 3**2000 % 1000007)
