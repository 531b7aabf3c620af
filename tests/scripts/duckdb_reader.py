import duckdb

((mean, rows),) = duckdb.sql("SELECT avg(a), count(*) FROM 'data.csv'").fetchall()
print(f"mean: {mean}")
print(f"rows: {rows}")
