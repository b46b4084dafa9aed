# `openssl speed`: only that it runs, and prints a positive number for each size (timers by signal are part of it).
for what in 'sha256' '-evp aes-128-cbc' 'ecdsap256'; do openssl speed -seconds 1 $what 2>err >out; echo "$what $?"; grep -cE '^Doing' err; awk '$1 ~ /^(sha256|AES-128-CBC|256)$/ { print "plausible", ($NF + 0 > 0) }' out; done
