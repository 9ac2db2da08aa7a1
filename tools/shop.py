"""The sample database of `make demo`: a small shop of some 100,000 rows, made by the server itself.

The same shop for each family, with what that family has to offer: whatever a dump may get wrong
(triggers, routines, generated columns, JSON, binary data, text that looks like SQL) is in it.
"""

from __future__ import annotations

CUSTOMERS, PRODUCTS, ORDERS, ITEMS, REVIEWS = 8_000, 500, 24_000, 62_000, 5_500

POSTGRESQL = f"""
CREATE TYPE status AS ENUM ('open', 'paid', 'shipped', 'returned');
CREATE DOMAIN price AS numeric(10, 2) CHECK (VALUE >= 0);
CREATE TABLE customer (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, email text UNIQUE,
  profile jsonb NOT NULL, tags text[] NOT NULL, joined timestamptz NOT NULL);
CREATE TABLE product (
  id serial PRIMARY KEY, name text NOT NULL, price price NOT NULL,
  gross numeric GENERATED ALWAYS AS (price * 1.19) STORED, picture bytea, available int4range);
CREATE TABLE purchase (
  id bigint NOT NULL, customer_id integer NOT NULL REFERENCES customer, status status NOT NULL,
  made date NOT NULL, note text, PRIMARY KEY (id, made)) PARTITION BY RANGE (made);
CREATE TABLE purchase_2024 PARTITION OF purchase FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE purchase_2025 PARTITION OF purchase FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE item (
  purchase_id bigint NOT NULL, line smallint NOT NULL, product_id integer NOT NULL REFERENCES product,
  quantity integer NOT NULL, price price NOT NULL, PRIMARY KEY (purchase_id, line));
CREATE TABLE "product review" (
  id uuid PRIMARY KEY, product_id integer NOT NULL REFERENCES product, stars smallint NOT NULL, words text);
CREATE TABLE audit (id serial PRIMARY KEY, at timestamptz DEFAULT now(), what text NOT NULL);
INSERT INTO customer (name, email, profile, tags, joined)
  SELECT 'Customer ' || n || CASE n % 3 WHEN 0 THEN ' Ünal' WHEN 1 THEN ' 日本' ELSE '' END,
    'c' || n || '@example.com',
    jsonb_build_object('city', 'City ' || n % 97, 'visits', n % 31,
      'note', E'it''s "quoted"\\\\\\n' || md5(n::text)),
    ARRAY['tag' || n % 7, 'a,b "c"'], timestamptz '2020-01-01 UTC' + n * interval '3 hours'
  FROM generate_series(1, {CUSTOMERS}) n;
INSERT INTO product (name, price, picture, available)
  SELECT 'Product ' || n, n % 90 + 0.99, sha256(n::text::bytea), int4range(n, n + 100)
  FROM generate_series(1, {PRODUCTS}) n;
INSERT INTO purchase
  SELECT n, n % {CUSTOMERS} + 1, (enum_range(NULL::status))[n % 4 + 1], date '2024-01-01' + n % 730,
    CASE WHEN n % 5 = 0 THEN E'DROP DATABASE shop;\\n\\\\connect shop' END
  FROM generate_series(1, {ORDERS}) n;
INSERT INTO item
  SELECT n % {ORDERS} + 1, n / {ORDERS}, n % {PRODUCTS} + 1, n % 9 + 1, n % 90 + 0.99
  FROM generate_series(1, {ITEMS}) n;
INSERT INTO "product review"
  SELECT md5(n::text)::uuid, n % {PRODUCTS} + 1, n % 5 + 1, repeat('Good 👍, ', n % 20)
  FROM generate_series(1, {REVIEWS}) n;
CREATE INDEX ON purchase (customer_id) WHERE status <> 'returned';
CREATE INDEX ON customer USING gin (profile);
CREATE VIEW turnover AS SELECT made, sum(quantity * price) AS total
  FROM purchase p JOIN item i ON i.purchase_id = p.id GROUP BY made;
CREATE MATERIALIZED VIEW best_customer AS SELECT customer_id, count(*) AS purchases FROM purchase GROUP BY 1
  ORDER BY 2 DESC, 1 LIMIT 100;
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  INSERT INTO audit (what) VALUES (TG_OP || ' ' || NEW.name || $$; CREATE DATABASE zzz;$$);
  RETURN NEW;
END $body$;
CREATE TRIGGER product_noted AFTER UPDATE ON product FOR EACH ROW EXECUTE FUNCTION noted();
UPDATE product SET price = price + 1 WHERE id <= 100;
COMMENT ON TABLE customer IS 'who buys in shop';
"""

_NUMBERS = "WITH RECURSIVE numbers AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < {}) "

MYSQL = (
    f"""
CREATE TABLE customer (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY, name varchar(80) NOT NULL, email varchar(80) UNIQUE,
  profile json NOT NULL, joined datetime NOT NULL) COMMENT 'who buys in shop'
;;
CREATE TABLE product (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY, name varchar(80) NOT NULL, price decimal(10, 2) NOT NULL,
  gross decimal(12, 4) GENERATED ALWAYS AS (price * 1.19) STORED, picture varbinary(40), flags bit(5))
;;
CREATE TABLE purchase (
  id bigint NOT NULL, customer_id int NOT NULL, status enum('open', 'paid', 'shipped', 'returned') NOT NULL,
  made date NOT NULL, note text, PRIMARY KEY (id), KEY (customer_id),
  CONSTRAINT bought_by FOREIGN KEY (customer_id) REFERENCES customer (id))
;;
CREATE TABLE item (
  purchase_id bigint NOT NULL, line smallint NOT NULL, product_id int NOT NULL, quantity int NOT NULL,
  price decimal(10, 2) NOT NULL, PRIMARY KEY (purchase_id, line))
  PARTITION BY HASH (purchase_id) PARTITIONS 4
;;
CREATE TABLE `product review` (
  id int PRIMARY KEY, product_id int NOT NULL, stars tinyint NOT NULL, words text,
  CONSTRAINT of_product FOREIGN KEY (product_id) REFERENCES product (id))
;;
CREATE TABLE audit (
  id int AUTO_INCREMENT PRIMARY KEY, at timestamp DEFAULT current_timestamp, what text NOT NULL)
;;
INSERT INTO customer (name, email, profile, joined) {_NUMBERS.format(CUSTOMERS)}
  SELECT concat('Customer ', n, elt(n % 3 + 1, ' Ünal', ' 日本', '')), concat('c', n, '@example.com'),
    json_object('city', concat('City ', n % 97), 'visits', n % 31,
      'note', concat('it''s "quoted"\\\\\\n', sha2(n, 224))),
    '2020-01-01' + INTERVAL n * 3 HOUR FROM numbers
;;
INSERT INTO product (name, price, picture, flags) {_NUMBERS.format(PRODUCTS)}
  SELECT concat('Product ', n), n % 90 + 0.99, unhex(sha2(n, 256)), n % 32 FROM numbers
;;
INSERT INTO purchase {_NUMBERS.format(ORDERS)}
  SELECT n, n % {CUSTOMERS} + 1, n % 4 + 1, '2024-01-01' + INTERVAL n % 730 DAY,
    IF(n % 5 = 0, 'DROP DATABASE shop;\\nUSE shop;', NULL) FROM numbers
;;
INSERT INTO item {_NUMBERS.format(ITEMS)}
  SELECT n % {ORDERS} + 1, n DIV {ORDERS}, n % {PRODUCTS} + 1, n % 9 + 1, n % 90 + 0.99 FROM numbers
;;
INSERT INTO `product review` {_NUMBERS.format(REVIEWS)}
  SELECT n, n % {PRODUCTS} + 1, n % 5 + 1, repeat('Good 👍, ', n % 20) FROM numbers
;;
CREATE VIEW turnover AS SELECT made, sum(quantity * price) AS total
  FROM purchase p JOIN item i ON i.purchase_id = p.id GROUP BY made
;;
CREATE TRIGGER product_noted AFTER UPDATE ON product FOR EACH ROW
BEGIN
  INSERT INTO shop.audit (what) VALUES (concat('UPDATE ', NEW.name, '; CREATE DATABASE zzz;'));
END
;;
CREATE FUNCTION vat(net decimal(10, 2)) RETURNS decimal(10, 2) DETERMINISTIC RETURN net * 0.19
;;
CREATE PROCEDURE forget(IN before_day date) BEGIN DELETE FROM `shop`.audit WHERE at < before_day; END
;;
CREATE EVENT tidy ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00'
  DO CALL shop.forget(current_date - INTERVAL 1 YEAR)
;;
UPDATE product SET price = price + 1 WHERE id <= 100
"""
).split(";;")


def statements(dbms: str) -> list[str]:
    """What makes the shop in an empty database named ``shop``, for ``database.execute``."""
    if dbms == "postgresql":
        return [POSTGRESQL]
    limit = "max_recursive_iterations" if dbms == "mariadb" else "cte_max_recursion_depth"
    return [f"SET SESSION {limit} = 1000000", *MYSQL]
