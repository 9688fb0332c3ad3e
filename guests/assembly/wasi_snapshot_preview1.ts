/** The functions of WASI preview 1 that guests here import. The file's name is the import module's name. */

export declare function fd_read(fd: i32, iovecs: usize, count: i32, bytesRead: usize): i32;
export declare function fd_write(fd: i32, iovecs: usize, count: i32, bytesWritten: usize): i32;
export declare function fd_fdstat_get(fd: i32, stat: usize): i32;
export declare function proc_exit(code: i32): void;
export declare function random_get(address: usize, length: i32): i32;
