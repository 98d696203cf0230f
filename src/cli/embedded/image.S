/* The file's bytes as read-only data. QNEXT_EMBEDDED_MODEL is its path, from CMake. */
        .section .rodata
        .balign 64
        .global qnext_embedded_model_begin
        .hidden qnext_embedded_model_begin
qnext_embedded_model_begin:
        .incbin QNEXT_EMBEDDED_MODEL
        .global qnext_embedded_model_end
        .hidden qnext_embedded_model_end
qnext_embedded_model_end:
        .byte 0
        .section .note.GNU-stack, "", %progbits
