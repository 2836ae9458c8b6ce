;; Calls a function of another type through a table. expect: trap: indirect call type mismatch
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (call_indirect $one (param i64) (result i64) (i64.const 1) (i32.const 0))
    (i32.wrap_i64))
  ;;; end
  (table $one 1 1 funcref)
  (elem (table $one) (i32.const 0) func $on-batch)
