;; Subscribes to call frames without asking for them. expect: refused: needs `traces`
  ;;; start
  (func $start (param i32 i32) (result i32)
    (i32.store8 (i32.const 512) (i32.const 2))
    (i64.store (i32.const 520) (i64.const 0))
    (i32.const 576))
