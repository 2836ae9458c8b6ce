;; Needs a table of a million before it has done anything. expect: refused: `limits.table_elements` is
  ;;; end
  (table $wide 1000000 funcref)
