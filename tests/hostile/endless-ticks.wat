;; Wants a tick every no blocks. expect: refused: never comes
  ;;; start
  (func $start (param i32 i32) (result i32)
    (i64.store (i32.const 520) (i64.const 0))
    (i32.const 576))
