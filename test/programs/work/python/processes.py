# subprocess, threading, multiprocessing, asyncio, sockets, signals, queues, select, pipes, pty: results, not timing.
import asyncio, concurrent.futures, multiprocessing, os, pty, queue, select, selectors, shutil, signal, socket, socketserver, subprocess, sys, tempfile, threading, time

def square(n):
    return n * n

def locked(counter, lock):
    for _ in range(200):
        with lock:
            counter.value += 1

async def ticker(n, out):
    for i in range(3):
        out.append((n, i))
        await asyncio.sleep(0)
    return n * 10

async def main_async():
    out = []
    print(await asyncio.gather(*(ticker(n, out) for n in range(3))), out)

    async def serve(reader, writer):
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()
    server = await asyncio.start_server(serve, '127.0.0.1', 0)
    port = server.sockets[0].getsockname()[1]

    async def client(n):
        r, w = await asyncio.open_connection('127.0.0.1', port)
        w.write(b'client %d\n' % n)
        answer = await r.read()
        w.close()
        return answer
    print(await asyncio.gather(*(client(n) for n in range(8))))
    server.close()
    p = await asyncio.create_subprocess_exec('sort', '-n', stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    print(await p.communicate(b'3\n1\n2\n'))
    try:
        await asyncio.wait_for(asyncio.sleep(30), 0.05)
    except asyncio.TimeoutError:
        print('timed out')
    q = asyncio.Queue(2)

    async def produce():
        for i in range(10):
            await q.put(i)
    t = asyncio.create_task(produce())
    print(sum([await q.get() for _ in range(10)]))
    await t
    print(await asyncio.get_running_loop().run_in_executor(None, square, 12))

class Echo(socketserver.StreamRequestHandler):

    def handle(self):
        for line in self.rfile:
            self.wfile.write(line[::-1].strip() + b'\n')
if __name__ == '__main__':
    print(subprocess.run(['sh', '-c', 'cat; echo err >&2; exit 3'], input=b'in', capture_output=True))
    print(subprocess.check_output('echo $((6*7)) | tr 4 5', shell=True, text=True))
    try:
        subprocess.run(['sleep', '9'], timeout=0.1)
    except subprocess.TimeoutExpired as e:
        print('timeout', e.cmd)
    for n in (signal.SIGTERM, signal.SIGKILL):
        p = subprocess.Popen(['sleep', '60'])
        p.send_signal(n)
        print(p.wait())
    try:
        subprocess.run(['/nonexistent'])
    except OSError as e:
        print(e)
    total = 0
    lock = threading.Lock()
    local = threading.local()
    q = queue.Queue(5)
    event = threading.Event()
    barrier = threading.Barrier(4)

    def add():
        global total
        for _ in range(500):
            with lock:
                total += 1
        barrier.wait()
        q.put(threading.current_thread().name)
    threads = [threading.Thread(target=add, name=f't{i}') for i in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    print(total, sorted((q.get() for _ in range(4))))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        print(list(pool.map(square, range(10))))
    with multiprocessing.Pool(3) as pool:
        print(pool.map(square, range(20), 4), pool.apply(os.path.basename, ('/a/b',)))
    counter = multiprocessing.Value('i', 0)
    mlock = multiprocessing.Lock()
    ps = [multiprocessing.Process(target=locked, args=(counter, mlock)) for _ in range(3)]
    [p.start() for p in ps]
    [p.join() for p in ps]
    print(counter.value, [p.exitcode for p in ps])
    here, there = multiprocessing.Pipe()
    p = multiprocessing.get_context('spawn').Process(target=print, args=('spawned',))
    sys.stdout.flush()
    p.start()
    p.join()
    here.send({'k': [1, 2]})
    print(there.recv(), p.exitcode)
    asyncio.run(main_async())
    with socketserver.ThreadingTCPServer(('127.0.0.1', 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with socket.create_connection(server.server_address) as s:
            s.sendall(b'hello\nworld\n')
            s.shutdown(socket.SHUT_WR)
            print(s.makefile('rb').read())
        server.shutdown()
    a, b = socket.socketpair()
    a.sendall(b'pair')
    print(b.recv(10))
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.bind(('127.0.0.1', 0))
    u.sendto(b'datagram', u.getsockname())
    print(u.recvfrom(100)[0])
    six = socket.socket(socket.AF_INET6)
    six.bind(('::1', 0))
    print(six.getsockname()[0])
    r, w = os.pipe()
    sel = selectors.DefaultSelector()
    sel.register(r, selectors.EVENT_READ)
    print(sel.select(0))
    os.write(w, b'!')
    print(len(sel.select(1)), select.select([r], [w], [], 0) == ([r], [w], []), os.read(r, 5))
    ep = select.epoll()
    ep.register(w, select.EPOLLOUT)
    print(ep.poll(0.1) == [(w, select.EPOLLOUT)])
    seen = []
    signal.signal(signal.SIGALRM, lambda n, f: seen.append(n))
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    while len(seen) < 3:
        signal.pause()
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(seen[:3])
    pid, master = pty.fork()
    if pid == 0:
        os.execvp('sh', ['sh', '-c', 'stty -echo; tty | cut -c1-8; read x; echo got $x; stty size'])
    os.write(master, b'typed\n')
    out = b''
    try:
        while (chunk := os.read(master, 1000)):
            out += chunk
    except OSError as e:
        print(e.errno)
    print(out.replace(b'typed\r\n', b'', 1) if out.startswith(b'typed') else out)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    started = time.monotonic()
    time.sleep(0.2)
    print(0.2 <= time.monotonic() - started < 5)
    print(abs(time.time() - os.stat(tempfile.mkstemp()[1]).st_mtime) < 60)
    print(time.strftime('%Z', time.gmtime(0)))
    print(shutil.which('gcc'))
    print(os.uname().sysname)
    print(sys.version)
