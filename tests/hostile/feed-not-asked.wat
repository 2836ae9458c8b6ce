;; Subscribes to a feed without asking for feeds. expect: refused: it needs `feeds`
  ;;; start
  (func $start (param i32 i32) (result i32)
    (i32.store8 (i32.const 512) (i32.const 5))
    (i32.store (i32.const 520) (i32.const 128))
    (i32.store (i32.const 524) (i32.const 8))
    (i32.const 576))
