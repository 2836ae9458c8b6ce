;; Asks for transactions that wait for a block, which its operator does not grant. expect: refused: mempool
  (data (i32.const 176) "mempool")
  ;;; describe
  (func $describe (result i32)
    (i32.store (i32.const 320) (i32.const 176))
    (i32.store (i32.const 324) (i32.const 7))
    (i32.const 384))
  ;;; start
  (func $start (param i32 i32) (result i32)
    ;; pending, of anybody to anybody
    (i32.store8 (i32.const 512) (i32.const 9))
    (i64.store (i32.const 520) (i64.const 0))
    (i32.const 576))
