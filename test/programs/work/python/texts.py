# json, re, str, unicode, difflib, textwrap, csv, configparser, xml, html, ast, pickle, base64, collections, datetime.
import ast, base64, collections, csv, datetime, difflib, html, io, itertools, json, pickle, re, string, textwrap, unicodedata, urllib.parse, xml.etree.ElementTree as xml

data = {"a": [1, 2.5, -3e-10, None, True, "grüße \u2028 🐱 \x00"], "nested": {str(i): {"square": i * i, "text": chr(97 + i % 26) * i} for i in range(50)}}
text = json.dumps(data, sort_keys=True, indent=1)
print(len(text), json.loads(text) == data, json.dumps(data["a"], ensure_ascii=False), json.dumps([1e400 - 1e400, 1e400]))
for bad in ('{"a":}', "[1,]", '"\\x"', "01"):
    try: json.loads(bad)
    except ValueError as e: print(e)
words = re.findall(r"\b(?P<w>[a-z]+)(\d*)\b", "alpha1 beta22 gamma delta333 Alpha"); print(words)
print(re.sub(r"(?i)(a)(?=l)", lambda m: m[1].upper() + "-", "alpha Alabama"), re.split(r"[,;\s]+", "a, b;c  d"), re.fullmatch(r"(a+)+b", "a" * 18 + "b") is not None, re.search(r"(?<=\$)\d+(?:\.\d\d)?", "cost $42.50").group(), re.match(r"^(?:(\d+)|(\w+))$", "x1").groups())
print(unicodedata.normalize("NFD", "Å é 한").encode("unicode_escape"), unicodedata.name("é"), "ß".upper(), "ǅ".swapcase(), "İ".lower().encode(), "straße".casefold(), "٣".isdigit(), sorted("zäaÄb"), "你好".encode("gbk"), "é".encode("utf-16"), b"\xff\xfe".decode("utf-8", "replace"))
print(textwrap.fill("the quick brown fox jumps over the lazy dog " * 4, 30)); print("\n".join(difflib.unified_diff("a b c d e".split(), "a x c d f".split(), lineterm="")))
print("{0:>10}|{0:^10}|{0:*<10}|{1:,}|{1:_x}|{2:%}|{2!r}|{3[k]}".format("mid", 1234567, 0.256, {"k": "v"}), "%5d|%-5s|%05.1f|%x|%r|%%" % (42, "ab", 3.14159, 255, "q"), f"{datetime.date(2024, 2, 29):%A %d %B %Y}", string.Template("$a ${b}c").substitute(a=1, b=2))
out = io.StringIO(); csv.writer(out).writerows([["a", 'q"uote', "line\nbreak"], [1, 2.5, ""]]); print(repr(out.getvalue()), list(csv.reader(io.StringIO(out.getvalue()))))
tree = xml.fromstring("<r a='1'><b>t&amp;x</b><b k='v'/>tail</r>"); print(xml.tostring(tree), [b.text for b in tree.iter("b")], html.escape("<a&'\">"), html.unescape("&eacute;&#x1F431;"))
print(ast.dump(ast.parse("x = [i ** 2 for i in range(3) if i] or (lambda y=1, *z: y @ z)"))); exec(compile("def f(n):\n  return n < 2 and n or f(n-1) + f(n-2)\nprint(f(17))", "<s>", "exec"))
blob = pickle.dumps({"s": {1, 2}, "t": (1.5, b"x"), "d": datetime.datetime(2024, 1, 2, 3, 4, 5, 6), "c": collections.OrderedDict(a=1)}); print(len(blob), sorted(pickle.loads(blob)), base64.b85encode(blob[:40]), base64.b64encode(bytes(range(50))))
counts = collections.Counter("".join(v["text"] for v in data["nested"].values())); print(counts.most_common(5), list(itertools.islice(itertools.permutations("abcd", 3), 5)), list(itertools.accumulate(range(10), lambda a, b: a * 2 + b)), collections.deque(range(10), 3))
d = datetime.datetime(2023, 12, 31, 23, 59, 59, tzinfo=datetime.timezone(datetime.timedelta(hours=-5))); print(d.isoformat(), d.timestamp(), d + datetime.timedelta(days=60.5), d.isocalendar(), datetime.datetime.fromtimestamp(1e9, datetime.timezone.utc), d.strftime("%j %U %a"), datetime.datetime.strptime("03 Feb 2021", "%d %b %Y"))
print(urllib.parse.quote("a b/ü?&"), urllib.parse.parse_qs("a=1&b=2&a=3"), urllib.parse.urljoin("http://h/a/b", "../c"), sorted({"b": 1, "a": 2}.items(), key=lambda kv: kv[1]), [*zip("abc", range(3))], sum(len(w) for w in text.split()))
class Point(collections.namedtuple("Point", "x y")):
    __slots__ = ()
    def __add__(self, other): return Point(self.x + other.x, self.y + other.y)
print(Point(1, 2) + Point(3, 4), Point.__mro__[1].__name__)
def gen():
    try:
        got = yield 1
        while True: got = yield got * 2
    finally: print("closed")
g = gen(); print(next(g), g.send(5), g.send("ab")); g.close()
try: {}["missing"]
except KeyError as e:
    try: raise ValueError("outer") from e
    except ValueError as f: print(repr(f), repr(f.__cause__))
