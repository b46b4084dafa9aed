# json, re, str, unicode, difflib, textwrap, csv, configparser, xml, html, ast, pickle, base64, collections, datetime.
import ast, base64, collections, csv, datetime, difflib, html, io, itertools, json, pickle, re, string, textwrap, unicodedata, urllib.parse, xml.etree.ElementTree as xml
data = {'a': [1, 2.5, -3e-10, None, True, 'grüße \u2028 🐱 \x00'], 'nested': {str(i): {'square': i * i, 'text': chr(97 + i % 26) * i} for i in range(50)}}
text = json.dumps(data, sort_keys=True, indent=1)
print(len(text))
print(json.loads(text) == data)
print(json.dumps(data['a'], ensure_ascii=False))
print(json.dumps([1e309 - 1e309, 1e309]))
for bad in ('{"a":}', '[1,]', '"\\x"', '01'):
    try:
        json.loads(bad)
    except ValueError as e:
        print(e)
words = re.findall('\\b(?P<w>[a-z]+)(\\d*)\\b', 'alpha1 beta22 gamma delta333 Alpha')
print(words)
print(re.sub('(?i)(a)(?=l)', lambda m: m[1].upper() + '-', 'alpha Alabama'))
print(re.split('[,;\\s]+', 'a, b;c  d'))
print(re.fullmatch('(a+)+b', 'a' * 18 + 'b') is not None)
print(re.search('(?<=\\$)\\d+(?:\\.\\d\\d)?', 'cost $42.50').group())
print(re.match('^(?:(\\d+)|(\\w+))$', 'x1').groups())
print(unicodedata.normalize('NFD', 'Å é 한').encode('unicode_escape'))
print(unicodedata.name('é'))
print('ß'.upper())
print('ǅ'.swapcase())
print('İ'.lower().encode())
print('straße'.casefold())
print('٣'.isdigit())
print(sorted('zäaÄb'))
print('你好'.encode('gbk'))
print('é'.encode('utf-16'))
print(b'\xff\xfe'.decode('utf-8', 'replace'))
print(textwrap.fill('the quick brown fox jumps over the lazy dog ' * 4, 30))
print('\n'.join(difflib.unified_diff('a b c d e'.split(), 'a x c d f'.split(), lineterm='')))
print('{0:>10}|{0:^10}|{0:*<10}|{1:,}|{1:_x}|{2:%}|{2!r}|{3[k]}'.format('mid', 1234567, 0.256, {'k': 'v'}))
print('%5d|%-5s|%05.1f|%x|%r|%%' % (42, 'ab', 3.14159, 255, 'q'))
print(f'{datetime.date(2024, 2, 29):%A %d %B %Y}')
print(string.Template('$a ${b}c').substitute(a=1, b=2))
out = io.StringIO()
csv.writer(out).writerows([['a', 'q"uote', 'line\nbreak'], [1, 2.5, '']])
print(repr(out.getvalue()), list(csv.reader(io.StringIO(out.getvalue()))))
tree = xml.fromstring("<r a='1'><b>t&amp;x</b><b k='v'/>tail</r>")
print(xml.tostring(tree))
print([b.text for b in tree.iter('b')])
print(html.escape('<a&\'">'))
print(html.unescape('&eacute;&#x1F431;'))
print(ast.dump(ast.parse('x = [i ** 2 for i in range(3) if i] or (lambda y=1, *z: y @ z)')))
exec(compile('def f(n):\n  return n < 2 and n or f(n-1) + f(n-2)\nprint(f(17))', '<s>', 'exec'))
blob = pickle.dumps({'s': {1, 2}, 't': (1.5, b'x'), 'd': datetime.datetime(2024, 1, 2, 3, 4, 5, 6), 'c': collections.OrderedDict(a=1)})
print(len(blob))
print(sorted(pickle.loads(blob)))
print(base64.b85encode(blob[:40]))
print(base64.b64encode(bytes(range(50))))
counts = collections.Counter(''.join((v['text'] for v in data['nested'].values())))
print(counts.most_common(5))
print(list(itertools.islice(itertools.permutations('abcd', 3), 5)))
print(list(itertools.accumulate(range(10), lambda a, b: a * 2 + b)))
print(collections.deque(range(10), 3))
d = datetime.datetime(2023, 12, 31, 23, 59, 59, tzinfo=datetime.timezone(datetime.timedelta(hours=-5)))
print(d.isoformat())
print(d.timestamp())
print(d + datetime.timedelta(days=60.5))
print(d.isocalendar())
print(datetime.datetime.fromtimestamp(1000000000.0, datetime.timezone.utc))
print(d.strftime('%j %U %a'))
print(datetime.datetime.strptime('03 Feb 2021', '%d %b %Y'))
print(urllib.parse.quote('a b/ü?&'))
print(urllib.parse.parse_qs('a=1&b=2&a=3'))
print(urllib.parse.urljoin('http://h/a/b', '../c'))
print(sorted({'b': 1, 'a': 2}.items(), key=lambda kv: kv[1]))
print([*zip('abc', range(3))])
print(sum((len(w) for w in text.split())))

class Point(collections.namedtuple('Point', 'x y')):
    __slots__ = ()

    def __add__(self, other):
        return Point(self.x + other.x, self.y + other.y)
print(Point(1, 2) + Point(3, 4), Point.__mro__[1].__name__)

def gen():
    try:
        got = (yield 1)
        while True:
            got = (yield (got * 2))
    finally:
        print('closed')
g = gen()
print(next(g), g.send(5), g.send('ab'))
g.close()
try:
    {}['missing']
except KeyError as e:
    try:
        raise ValueError('outer') from e
    except ValueError as f:
        print(repr(f), repr(f.__cause__))
