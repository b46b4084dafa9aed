-- Inserts, in one transaction and one statement each for many; indexes; joins, groups, sorting, text functions; updates.
PRAGMA journal_mode = DELETE;
CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT NOT NULL);
CREATE TABLE item (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL, amount INTEGER, price INTEGER, note TEXT);
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
INSERT INTO customer SELECT i, 'customer ' || i, 'city ' || (i * 7919 % 53) FROM n;
WITH RECURSIVE n(i, r) AS (SELECT 1, 12345 UNION ALL SELECT i + 1, (r * 1103515245 + 12345) % 2147483648 FROM n WHERE i < 60000)
INSERT INTO item SELECT i, r / 256 % 2000 + 1, r / 65536 % 20, r / 4096 % 10000, printf('note %04X', r % 65521) FROM n;
COMMIT;
CREATE INDEX item_customer ON item (customer);
CREATE INDEX item_note ON item (note);
ANALYZE;
SELECT city, count(*), sum(amount * price) FROM item JOIN customer ON customer.id = item.customer
  GROUP BY city ORDER BY 3 DESC LIMIT 10;
SELECT customer.name, total FROM customer JOIN
  (SELECT customer, sum(amount * price) AS total FROM item GROUP BY customer HAVING count(*) > 30) AS t
  ON t.customer = customer.id ORDER BY total DESC, name LIMIT 10;
SELECT count(*), max(length(note)) FROM item WHERE note LIKE '%1F%' OR note GLOB '*[A-C]0*';
SELECT substr(note, 6, 2) AS head, count(*), group_concat(id / 50 % 10, '') FROM
  (SELECT * FROM item WHERE id % 50 = 0 ORDER BY note, id) GROUP BY head ORDER BY head LIMIT 12;
UPDATE item SET price = price + 1 WHERE customer % 10 = 3;
DELETE FROM item WHERE note < 'note 10';
SELECT count(*), sum(price), avg(amount) FROM item;
SELECT a.city, count(*) FROM customer AS a JOIN customer AS b ON a.city = b.city AND a.id < b.id
  GROUP BY a.city ORDER BY 2 DESC, 1 LIMIT 5;
PRAGMA integrity_check;
