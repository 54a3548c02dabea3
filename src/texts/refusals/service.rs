//! Refusals 5xx: not now, or our own failure.

use super::pages;

pages! {
    THROTTLED
    vi
        "Gửi quá nhanh, hãy chờ rồi thử lại."
        "Thành viên vượt số văn bản mỗi giây hoặc số byte đang xử lý được cấp."
        "Gửi bù 10.000 văn bản cùng lúc sau kỳ nghỉ."
        "Chờ theo thời gian gợi ý; giảm số luồng gửi."
    en
        "Too fast: wait and try again."
        "The member goes beyond its documents per second or its bytes in flight."
        "10,000 documents sent at once after a holiday."
        "Wait as long as suggested; send with fewer workers.";
    MAILBOX_FULL
    vi
        "Hộp thư của nơi nhận đã đầy."
        "Nơi nhận chưa lấy văn bản nên số văn bản chờ đạt mailbox_depth_max."
        "Hệ thống của một sở ngừng lấy văn bản từ tuần trước."
        "Thử lại sau; báo cho nơi nhận kiểm tra hệ thống."
    en
        "The receiver's mailbox is full."
        "The receiver does not fetch, and as many documents wait as mailbox_depth_max allows."
        "A department's system stopped fetching last week."
        "Try again later; tell the receiver to look at its system.";
    BUSY
    vi
        "Trục đang bận, hãy thử lại sau."
        "Hàng đợi ghi nhật ký đầy hoặc số yêu cầu đồng thời đạt giới hạn."
        "Giờ cao điểm sáng thứ Hai."
        "Thử lại theo thời gian gợi ý."
    en
        "The platform is busy: try again later."
        "The journal's queue is full, or as many requests run as are allowed."
        "The rush of a Monday morning."
        "Try again after the time suggested.";
    DISK_FULL
    vi
        "Trục hết chỗ lưu trữ."
        "Dung lượng nhật ký đạt disk_bytes_max."
        "Nhiều văn bản chưa được lấy nên phân đoạn cũ không xóa được."
        "Đơn vị vận hành cần tăng dung lượng hoặc xử lý hộp thư tồn."
    en
        "The platform has run out of storage."
        "The journal has reached disk_bytes_max."
        "Many documents were never fetched, so old segments cannot go."
        "The operator must add storage or deal with the unread mailboxes.";
    UNAVAILABLE
    vi
        "Trục tạm thời không nhận văn bản."
        "Nhật ký không ghi được hoặc nền tảng lân cận không trả lời."
        "Ổ đĩa báo lỗi khi ghi."
        "Thử lại sau; văn bản chưa được nhận nên không bị gửi trùng."
    en
        "The platform takes nothing for the moment."
        "The journal cannot be written, or a neighbouring platform does not answer."
        "The disk reports an error while writing."
        "Try again later; nothing was taken, so nothing is sent twice.";
    TIMEOUT
    vi
        "Quá thời hạn chờ trả lời."
        "Việc xử lý chưa xong khi hết thời hạn; kết quả chưa rõ."
        "Đường truyền chậm khi gửi tệp 50 MB."
        "Gửi lại đúng tệp đó: nếu lần trước đã được nhận, trục trả về cùng DocId."
    en
        "The time to answer ran out."
        "The work was not done by the deadline; its outcome is not known."
        "A slow line while 50 MB were sent."
        "Send the very same file again: if it was taken, the same DocId comes back.";
    INTERNAL
    vi
        "Lỗi bên trong của trục."
        "Trục gặp tình huống không lường trước; chi tiết có trong nhật ký với cùng mã liên kết."
        "Tệp nhật ký bị hỏng."
        "Báo cho đơn vị vận hành kèm mã liên kết của yêu cầu."
    en
        "The platform failed inside."
        "Something unforeseen happened; the log has it under the same correlation id."
        "A journal file is damaged."
        "Tell the operator, with the request's correlation id.";
    SHUTTING_DOWN
    vi
        "Trục đang dừng để bảo trì."
        "Nền tảng không nhận yêu cầu mới trong lúc hoàn tất yêu cầu cũ."
        "Đơn vị vận hành khởi động lại để nâng cấp."
        "Thử lại sau ít phút."
    en
        "The platform is shutting down."
        "It finishes what it has and takes nothing new."
        "The operator restarts it for an upgrade."
        "Try again in a few minutes.";
    HEADER_TOO_LARGE
    vi
        "Phần đầu của yêu cầu quá lớn."
        "Tổng kích thước tiêu đề HTTP vượt giới hạn."
        "Danh sách nơi nhận rất dài trong tiêu đề to."
        "Bỏ tiêu đề to; nơi nhận được đọc từ tệp."
    en
        "The head of the request is too large."
        "All HTTP headers together are above the limit."
        "A very long list of receivers in the header to."
        "Leave the header to out; receivers are read from the file.";
}
