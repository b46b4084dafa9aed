# repr and parsing of floats, decimal, fractions, statistics, math functions, complex numbers, integer arithmetic.
import cmath, decimal, fractions, hashlib, math, random, statistics, struct, sys
random.seed(12345)
values = [0.1, 1 / 3, 1e+23, 5e-324, 1.7976931348623157e+308, -0.0, math.inf, -math.inf, math.nan, 2 ** 53 + 1.0, 1e+16, 123456789.125]
for v in values:
    print(repr(v))
    print(f'{v:.3f} {v:e} {v:g} {v:.17g} {v:+010.2f}')
    print(v.hex() if v == v else 'nan')
    print(struct.pack('<d', v).hex() if v == v else '')
digest = hashlib.sha256()
for _ in range(3000):
    v = struct.unpack('<d', random.getrandbits(64).to_bytes(8, 'little'))[0]
    if v == v:
        assert float(repr(v)) == v and float.fromhex(v.hex()) == v
        digest.update(repr(v).encode())
print('reprs', digest.hexdigest())
for name in 'sin cos tan asin acos atan sinh cosh tanh asinh exp expm1 exp2 log1p sqrt cbrt erf erfc gamma lgamma floor ceil trunc degrees radians'.split():
    f = getattr(math, name)
    print(name)
    print([f(x) if abs(x) <= 1 or name not in ('asin', 'acos') else None for x in (0.1, 0.7, 0.99)])
    print(f(0.5).hex() if isinstance(f(0.5), float) else f(0.5))
print(math.fsum([0.1] * 10))
print(math.hypot(3, 4, 12))
print(math.atan2(-0.0, -1))
print(math.ldexp(0.7, -1070))
print(math.frexp(1e-310))
print(math.nextafter(1, 2))
print(math.ulp(10000000000.0))
print(math.comb(50, 25))
print(math.perm(10, 3))
print(math.isqrt(10 ** 40))
print(math.gcd(2 ** 60, 6 ** 20))
print(math.lcm(12, 18))
print(math.remainder(10, 3))
print(math.fmod(-7, 3))
print(-7 % 3.5)
print(divmod(-7.5, 2))
print(0.1 + 0.2)
print(round(2.675, 2))
print(round(0.5))
print(round(1.5))
print(7.0.as_integer_ratio())
print(0.1.as_integer_ratio())
decimal.getcontext().prec = 60
print(decimal.Decimal(2).sqrt())
print(decimal.Decimal(1).exp())
print(decimal.Decimal(10).ln())
print(decimal.Decimal('1e-70') + 1)
print(decimal.Decimal(7) / 3)
print(decimal.Decimal('123.456').quantize(decimal.Decimal('0.1')))
print(decimal.Decimal(0.1))

def pi():
    with decimal.localcontext() as c:
        c.prec = 110
        lasts, t, s, n, na, d, da = (0, decimal.Decimal(3), 3, 1, 0, 0, 24)
        while s != lasts:
            lasts, n, na, d, da = (s, n + na, na + 8, d + da, da + 32)
            t = t * n / d
            s += t
        return +s
print(pi())
print(fractions.Fraction('0.125') + fractions.Fraction(1, 3))
print(fractions.Fraction(math.pi).limit_denominator(1000))
print(sum((fractions.Fraction(1, n) for n in range(1, 40))))
print(statistics.mean([1, 2, 3.5]))
print(statistics.stdev([1, 2, 3.5, 9]))
print(statistics.median([5, 1, 4]))
print(statistics.linear_regression([1, 2, 3], [2, 4, 7]))
print(cmath.sqrt(-2), cmath.exp(1j), (2 + 3j) ** 0.5, cmath.polar(1 + 1j), complex('1e5-3j'))
print(2 ** 1000 % 10 ** 30)
print(pow(3, 10 ** 18, 10 ** 9 + 7))
print(pow(7, -1, 101))
print(10 ** 60 // 7 ** 30)
print(-17 // 5)
print((1 << 300).bit_length())
print(int('z' * 30, 36))
print(hex(12345 ** 9))
print(255 .to_bytes(3, 'big'))
print(~5)
print(5 ^ -9 & 255)
print(math.factorial(60))
print(hashlib.sha256(str(3 ** 4000).encode()).hexdigest())
print(hash(0.5))
print(hash(2 ** 61))
print(hash(1 / 3))
print(hash(fractions.Fraction(1, 3)))
print(sys.float_info.max)
print(random.random())
print(random.gauss(0, 1))
print(random.sample(range(100), 5))
print(random.choices('abc', k=8))
print(random.betavariate(2, 3))
print([random.randrange(10 ** 20) for _ in range(2)])
