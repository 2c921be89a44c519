CREATE MACRO ist(ns) AS make_timestamp(ns // 1000) + INTERVAL 5 HOUR + INTERVAL 30 MINUTE;

CREATE VIEW chain AS
SELECT l.book, l.date, ist(l.ts) AS time_ist, s.spot, l.* EXCLUDE (book, date)
FROM legs AS l
LEFT JOIN (SELECT book, ts, underlying, any_value(spot) AS spot FROM snapshots GROUP BY ALL) AS s
  ON s.book = l.book AND s.ts = l.ts AND s.underlying = l.underlying;

CREATE VIEW trades AS
SELECT
  book, date, id, ist(ts) AS closed_ist,
  ist(CAST(payload ->> '$.entry_ts' AS BIGINT)) AS opened_ist,
  CAST(payload ->> '$.entry.direction' AS INTEGER) AS direction,
  CAST(coalesce(payload ->> '$.legs[0].contract.strike', payload ->> '$.contract.strike') AS DOUBLE) AS strike,
  coalesce(payload ->> '$.legs[0].contract.kind', payload ->> '$.contract.kind') AS kind,
  coalesce(payload ->> '$.legs[0].contract.expiry', payload ->> '$.contract.expiry') AS expiry,
  CAST(payload ->> '$.lots' AS INTEGER) AS lots,
  CAST(payload ->> '$.entry_price' AS DOUBLE) AS entry_price,
  CAST(payload ->> '$.exit_price' AS DOUBLE) AS exit_price,
  CAST(payload ->> '$.net_pnl_paise' AS BIGINT) / 100.0 AS net_pnl,
  CAST(payload ->> '$.costs_paise' AS BIGINT) / 100.0 AS costs,
  payload ->> '$.exit_reason' AS exit_reason,
  coalesce(payload ->> '$.strategy', 'ensemble') AS strategy,
  payload ->> '$.entry.regime' AS regime,
  CAST(payload ->> '$.attribution.index_move_paise' AS BIGINT) / 100.0 AS index_move,
  CAST(payload ->> '$.attribution.time_paise' AS BIGINT) / 100.0 AS time,
  CAST(payload ->> '$.attribution.volatility_paise' AS BIGINT) / 100.0 AS volatility,
  CAST(payload ->> '$.attribution.spread_and_impact_paise' AS BIGINT) / 100.0 AS spread_and_impact,
  CAST(payload ->> '$.attribution.charges_paise' AS BIGINT) / 100.0 AS charges
FROM events WHERE type = 'Trade';

CREATE VIEW signals AS
SELECT
  book, date, id, ist(ts) AS time_ist,
  CAST(payload ->> '$.direction' AS INTEGER) AS direction,
  CAST(payload ->> '$.confidence' AS DOUBLE) AS confidence,
  payload ->> '$.regime' AS regime,
  payload ->> '$.mode' AS mode,
  payload ->> '$.reason' AS reason
FROM events WHERE type = 'Signal';

CREATE VIEW denials AS
SELECT book, date, id, ist(ts) AS time_ist, payload ->> '$.code' AS code, payload ->> '$.text' AS text
FROM events WHERE type = 'Denial';
