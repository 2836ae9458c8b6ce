;; Subscribes to an address of five bytes. expect: refused: an address of 5 bytes
  ;;; start
  (func $start (param i32 i32) (result i32)
    (i32.store (i32.const 4096) (i32.const 16))
    (i32.store (i32.const 4100) (i32.const 5))
    (i32.store8 (i32.const 512) (i32.const 0))
    (i32.store (i32.const 520) (i32.const 4096))
    (i32.store (i32.const 524) (i32.const 1))
    (i32.store (i32.const 528) (i32.const 0))
    (i32.store (i32.const 532) (i32.const 0))
    (i32.const 576))
