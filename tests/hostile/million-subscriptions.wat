;; Subscribes to a million things. expect: refused: more than 4194304 bytes at once
  ;;; start
  (func $start (param i32 i32) (result i32)
    (drop (memory.grow (i32.const 700)))
    (i32.store (i32.const 580) (i32.const 65536))
    (i32.store (i32.const 584) (i32.const 1000000))
    (i32.const 576))
