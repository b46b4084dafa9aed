# repr and parsing of floats, decimal, fractions, statistics, math functions, complex numbers, integer arithmetic.
import cmath, decimal, fractions, hashlib, math, random, statistics, struct, sys

random.seed(12345)
values = [0.1, 1 / 3, 1e23, 5e-324, 1.7976931348623157e308, -0.0, math.inf, -math.inf, math.nan, 2**53 + 1.0, 1e16, 123456789.125]
for v in values:
    print(repr(v), f"{v:.3f} {v:e} {v:g} {v:.17g} {v:+010.2f}", v.hex() if v == v else "nan", struct.pack("<d", v).hex() if v == v else "")
digest = hashlib.sha256()
for _ in range(3000):
    v = struct.unpack("<d", random.getrandbits(64).to_bytes(8, "little"))[0]
    if v == v:
        assert float(repr(v)) == v and float.fromhex(v.hex()) == v
        digest.update(repr(v).encode())
print("reprs", digest.hexdigest())
for name in "sin cos tan asin acos atan sinh cosh tanh asinh exp expm1 exp2 log1p sqrt cbrt erf erfc gamma lgamma floor ceil trunc degrees radians".split():
    f = getattr(math, name)
    print(name, [f(x) if abs(x) <= 1 or name not in ("asin", "acos") else None for x in (0.1, 0.7, 0.99)], f(0.5).hex() if isinstance(f(0.5), float) else f(0.5))
print(math.fsum([0.1] * 10), math.hypot(3, 4, 12), math.atan2(-0.0, -1), math.ldexp(0.7, -1070), math.frexp(1e-310), math.nextafter(1, 2), math.ulp(1e10), math.comb(50, 25), math.perm(10, 3), math.isqrt(10**40), math.gcd(2**60, 6**20), math.lcm(12, 18), math.remainder(10, 3), math.fmod(-7, 3), -7 % 3.5, divmod(-7.5, 2), 0.1 + 0.2, round(2.675, 2), round(0.5), round(1.5), 7.0.as_integer_ratio(), 0.1.as_integer_ratio())
decimal.getcontext().prec = 60
print(decimal.Decimal(2).sqrt(), decimal.Decimal(1).exp(), decimal.Decimal(10).ln(), decimal.Decimal("1e-70") + 1, decimal.Decimal(7) / 3, decimal.Decimal("123.456").quantize(decimal.Decimal("0.1")), decimal.Decimal(0.1))
def pi():
    with decimal.localcontext() as c:
        c.prec = 110
        lasts, t, s, n, na, d, da = 0, decimal.Decimal(3), 3, 1, 0, 0, 24
        while s != lasts:
            lasts, n, na, d, da = s, n + na, na + 8, d + da, da + 32
            t = t * n / d
            s += t
        return +s
print(pi())
print(fractions.Fraction("0.125") + fractions.Fraction(1, 3), fractions.Fraction(math.pi).limit_denominator(1000), sum(fractions.Fraction(1, n) for n in range(1, 40)))
print(statistics.mean([1, 2, 3.5]), statistics.stdev([1, 2, 3.5, 9]), statistics.median([5, 1, 4]), statistics.linear_regression([1, 2, 3], [2, 4, 7]))
print(cmath.sqrt(-2), cmath.exp(1j), (2 + 3j) ** 0.5, cmath.polar(1 + 1j), complex("1e5-3j"))
print(2**1000 % 10**30, pow(3, 10**18, 10**9 + 7), pow(7, -1, 101), 10**60 // 7**30, -17 // 5, (1 << 300).bit_length(), int("z" * 30, 36), hex(12345**9), (255).to_bytes(3, "big"), ~5, 5 ^ -9 & 0xFF, math.factorial(60))
print(hashlib.sha256(str(3**4000).encode()).hexdigest(), hash(0.5), hash(2**61), hash(1 / 3), hash(fractions.Fraction(1, 3)), sys.float_info.max)
print(random.random(), random.gauss(0, 1), random.sample(range(100), 5), random.choices("abc", k=8), random.betavariate(2, 3), [random.randrange(10**20) for _ in range(2)])
