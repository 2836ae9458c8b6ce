;; Subscribes to a thousand things. expect: refused: there are 1000, 256 are allowed
  ;;; start
  (func $start (param i32 i32) (result i32)
    (drop (memory.grow (i32.const 2)))
    (i32.store (i32.const 580) (i32.const 131072))
    (i32.store (i32.const 584) (i32.const 1000))
    (i32.const 576))
