;; Subscribes to fifty thousand addresses. expect: refused: a list of 50000, 10000 are allowed
  ;;; start
  (func $start (param i32 i32) (result i32)
    (drop (memory.grow (i32.const 10)))
    (i32.store8 (i32.const 512) (i32.const 0))
    (i32.store (i32.const 520) (i32.const 65536))
    (i32.store (i32.const 524) (i32.const 50000))
    (i32.store (i32.const 528) (i32.const 0))
    (i32.store (i32.const 532) (i32.const 0))
    (i32.const 576))
