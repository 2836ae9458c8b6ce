;; Asks for a capability that there is not. expect: refused: it asks for `guest`
  ;;; describe
  (func $describe (result i32)
    (i32.store (i32.const 320) (i32.const 16))
    (i32.const 384))
