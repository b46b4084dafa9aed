-- SQLite: schema, constraints, indexes, joins, windows, recursive queries, JSON, full-text search, triggers, floats.
.bail off
.headers on
create table person(id integer primary key, name text not null unique, age real check(age >= 0), boss references person(id));
with recursive n(i) as (select 1 union all select i + 1 from n where i < 4000) insert into person select i, 'name' || (i * 7919 % 4001), i % 90 + i / 7.0, nullif(i / 10, 0) from n;
create index by_age on person(age, name);
select count(*), sum(age), avg(age), min(name), max(name), total(id * 0.1), group_concat(id % 3) from (select * from person where id < 20);
select p.name, b.name as boss, p.age from person p left join person b on b.id = p.boss where p.age between 50 and 51 order by p.age, p.name limit 8;
select id % 7 as k, count(*) c, round(avg(age), 3) a from person group by k having c > 5 order by a desc;
select id, age, rank() over (order by age desc) r, lag(name, 1, '-') over (order by id) l, sum(age) over (order by id rows 3 preceding) s, ntile(4) over (order by id) n from person where id <= 8;
with recursive fib(a, b) as (values (0, 1) union all select b, a + b from fib where b < 1e15) select max(a) from fib;
with recursive hops(id, depth) as (select 1234, 0 union all select boss, depth + 1 from person join hops using (id) where boss is not null) select * from hops;
explain query plan select * from person where age > 5 order by age;
create table audit(what); create trigger watch after update on person begin insert into audit values (old.name || '->' || new.name); end; update person set name = upper(name) where id < 4; select * from audit;
insert into person values (1, 'dup', 1, null);
insert into person(name, age) values ('neg', -1);
begin; delete from person where id > 100; select changes(), count(*) from person; rollback; select count(*) from person;
savepoint s; update person set age = age * 1.1; release s; select printf('%.10f %e %g', sum(age), sum(age), sum(age)) from person;
select json_extract('{"a":[1,2,{"b":"x"}]}', '$.a[2].b'), json_group_array(id) from (select id from person limit 5); select key, value from json_each('{"x":1.5,"y":null,"z":[1]}');
create virtual table docs using fts5(body); insert into docs values ('the quick brown fox'), ('lazy dogs sleep'), ('quick dogs run'); select rowid, highlight(docs, 0, '[', ']') from docs where docs match 'quick OR dog*' order by rank; create virtual table box using rtree(id, x0, x1); insert into box values (1, 0, 5.5), (2, 3.25, 9); select * from box where x1 > 5 and x0 < 1;
select 1/3.0, 1e100, 0.1 + 0.2, 9223372036854775807 + 1, cast('12abc' as int), typeof(1.0), length(randomblob(20)), abs(-5), 7 % 3, -7 / 2, 1 << 40, ~5, 2.5 || 'x', round(2.5), sqrt(2), pow(2, 0.5), exp(1), ln(10), sin(1), pi(), ceil(1.2), unixepoch('2024-02-29'), date('2024-01-31', '+1 month'), julianday('2000-01-01'), strftime('%W %j', '2023-12-31'), instr('hello', 'l'), substr('hello', -3), replace('aXbX', 'X', '-'), trim('  x '), quote(x'00ff'), unicode('é'), char(9731), 'a' < 'B', 'a' < 'B' collate nocase, glob('a*', 'abc'), 'abc' like 'A%', iif(1, 'y', 'n'), coalesce(null, 3), max(1, 2.5), zeroblob(2), soundex('x');
vacuum; pragma integrity_check; pragma page_count; analyze; select tbl, idx, stat from sqlite_stat1 order by 1, 2;
.mode csv
select * from person order by name limit 3;
.mode json
select id, age from person where id in (5, 6);
.schema person
.dump audit
.sha3sum
