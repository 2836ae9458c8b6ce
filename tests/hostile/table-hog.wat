;; Wants a table of everything. expect: memory: table elements in all, `limits.table_elements` is 20000
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (loop $more (br_if $more (i32.ne (table.grow $wide (ref.null func) (i32.const 1000)) (i32.const -1))))
    (unreachable))
  ;;; end
  (table $wide 1 funcref)
