# The tool chain itself: the same bytes come out of every stage, static, shared and position-dependent programs run.
set -e
cat > lib.c <<'END'
#include <math.h>
static int calls; __attribute__((constructor)) static void start(void) { calls = 40; }
double scaled(double x) { return cbrt(x) * ++calls; } _Thread_local int per_thread = 7;
END
cat > use.c <<'END'
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
extern double scaled(double); extern _Thread_local int per_thread;
static void bye(void) { puts("bye"); }
int main(int argc, char **argv) { atexit(bye); printf("%a %d %d\n", scaled(2), per_thread, argc); if (argc > 1) { void *h = dlopen(argv[1], RTLD_NOW); double (*f)(double) = h ? dlsym(h, "scaled") : 0; printf("%a\n", f ? f(3) : -1); } return argc; }
END
for level in 0 1 2 3 s; do gcc -O$level -S -o use$level.s use.c; sha256sum use$level.s; done
gcc -O2 -c -o use.o use.c; gcc -O2 -c -o lib.o lib.c; objdump -d lib.o | sha256sum; nm use.o; size lib.o; readelf -s use.o | sha256sum; ar rcsD libx.a lib.o; gcc -o one use.o libx.a -lm; ./one || echo "code $?"
gcc -shared -fPIC -O2 -o libs.so lib.c -lm; gcc -o two use.o -L. -ls -Wl,-rpath,"$PWD"; ./two ./libs.so || echo "code $?"; gcc -static -O2 -o three use.c lib.c -lm 2>/dev/null; ./three || echo "code $?"; gcc -no-pie -O2 -g -o four use.c lib.c -lm; ./four || echo "code $?"; strip four; sha256sum one libs.so three four | cut -c1-16; ldd two | sed 's/ (.*//' | grep -v vdso | sort
echo 'int main(void) { int x = "s"; return y; }' > bad.c; gcc bad.c 2>&1 | sed 's/^/| /' ; gcc -E -dM -x c /dev/null | sort | sha256sum; gcc -v 2>&1 | tail -1; printf '#include <stdio.h>\nint main(void){puts("from stdin");}' | gcc -x c -o five - && ./five
