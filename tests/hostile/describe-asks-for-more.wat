;; Asks for what the operator does not grant. expect: refused: it asks for `feeds`, which it is not granted
  ;;; describe
  (func $describe (result i32)
    (i32.store (i32.const 320) (i32.const 4096))
    (i32.store (i32.const 324) (i32.const 5))
    (i32.const 384))
  ;;; end
  (data (i32.const 4096) "feeds")
