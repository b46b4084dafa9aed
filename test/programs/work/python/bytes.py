# zlib, bz2, lzma, hashlib, hmac, struct, array, memoryview, mmap, binascii, zipfile, tarfile, sqlite3, ctypes.
import array, binascii, bz2, ctypes, gzip, hashlib, hmac, io, lzma, mmap, os, sqlite3, struct, tarfile, tempfile, zipfile, zlib

data = b"".join(b"%d:%x;" % (i, i * i) for i in range(9000)); noise = hashlib.shake_128(b"seed").digest(20000)
for level in (0, 1, 6, 9):
    packed = zlib.compress(data, level); print("zlib", level, len(packed), hashlib.md5(packed).hexdigest(), zlib.decompress(packed) == data)
print("bz2", hashlib.md5(bz2.compress(data)).hexdigest(), "lzma", hashlib.md5(lzma.compress(data[:30000], preset=1)).hexdigest(), "gzip", hashlib.md5(gzip.compress(noise, mtime=0)).hexdigest(), lzma.decompress(lzma.compress(noise, preset=0)) == noise, bz2.decompress(bz2.compress(noise)) == noise)
stream = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_FILTERED); parts = [stream.compress(data[i:i + 777]) for i in range(0, len(data), 777)] + [stream.flush()]; print(hashlib.sha1(b"".join(parts)).hexdigest(), zlib.crc32(data), zlib.adler32(data), binascii.crc_hqx(data, 0), binascii.hexlify(noise[:8]))
for name in sorted(hashlib.algorithms_guaranteed):
    h = hashlib.new(name, data); h.update(noise); print(name, h.hexdigest(32) if name.startswith("shake") else h.hexdigest())
print(hmac.new(b"key", data, "sha256").hexdigest(), hashlib.pbkdf2_hmac("sha256", b"pw", b"salt", 200).hex(), hashlib.scrypt(b"pw", salt=b"s", n=64, r=8, p=1).hex()[:40], hashlib.blake2b(data, digest_size=20, key=b"k").hexdigest())
print(struct.pack("<bBhHiIqQefd?5sx", -1, 255, -2, 65535, -3, 4294967295, -4, 2**64 - 1, 1.5, 0.1, 0.1, True, b"hello").hex(), struct.unpack(">hIq", bytes(range(14))), struct.calcsize("@cd"), [struct.unpack("<e", struct.pack("<H", h))[0] for h in (1, 0x3c01, 0x7bff, 0xfc00)])
a = array.array("d", [i / 7 for i in range(100)]); a.byteswap(); print(hashlib.md5(a.tobytes()).hexdigest(), array.array("h", range(-3, 3)).tolist(), memoryview(data)[10:40:3].tobytes(), bytearray(data[:20])[::-1])
with tempfile.TemporaryFile() as f:
    f.write(data); f.flush(); m = mmap.mmap(f.fileno(), 0); print(m.find(b"8999:"), m[100:120], m.rfind(b"7:")); m[0:3] = b"XYZ"; m.flush(); f.seek(0); print(f.read(6)); m.close()
z = io.BytesIO()
with zipfile.ZipFile(z, "w", zipfile.ZIP_DEFLATED) as archive: archive.writestr(zipfile.ZipInfo("a.txt", (2020, 1, 1, 0, 0, 0)), data)
print(hashlib.md5(z.getvalue()).hexdigest(), zipfile.ZipFile(z).testzip()); t = io.BytesIO()
with tarfile.open(fileobj=t, mode="w") as archive: info = tarfile.TarInfo("x"); info.size = 100; archive.addfile(info, io.BytesIO(data))
print(hashlib.md5(t.getvalue()).hexdigest(), tarfile.open(fileobj=io.BytesIO(t.getvalue())).getnames())
db = sqlite3.connect(":memory:"); db.execute("create table t(k integer primary key, v real, s text)"); db.executemany("insert into t values(?,?,?)", ((i, i / 3, f"row {i}") for i in range(2000))); db.create_function("half", 1, lambda x: x / 2); print(db.execute("select count(*), sum(v), avg(half(k)), max(s), total(v*v) from t where k % 3 = 1").fetchall(), db.execute("select s from t where s like '%77%' order by v desc limit 3").fetchall(), "".join(db.iterdump())[:100])
class P(ctypes.Structure): _fields_ = [("a", ctypes.c_int), ("b", ctypes.c_double), ("c", ctypes.c_longdouble)]
libm = ctypes.CDLL("libm.so.6"); libm.pow.restype = ctypes.c_double; libm.pow.argtypes = [ctypes.c_double] * 2; print(libm.pow(2.0, 0.5), ctypes.sizeof(P), P(1, 2.5, 3.75).c); compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))(lambda x, y: x[0] - y[0]); numbers = (ctypes.c_int * 6)(5, 2, 9, 1, 7, 3); ctypes.CDLL(None).qsort(numbers, 6, 4, compare); print(list(numbers)); os.write(1, b"raw\n")
